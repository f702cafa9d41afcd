/** Lists the rules of sessions, each with its own file, over one set of options. The rules know no HTTP. */

import { createBeginSession, createFirstSession } from './begin-session.ts'
import { createIsDeadCookie } from './dead-cookie.ts'
import { createEndAll, createEndOne } from './end-sessions.ts'
import { createListSessions } from './list-sessions.ts'
import { createLogin } from './login.ts'
import { createLogout } from './logout.ts'
import type { SessionsOptions } from './options.ts'
import { createRefresh } from './refresh.ts'

/** The rules of sessions. */
export type SessionsService = ReturnType<typeof createSessionsService>

/** Creates the rules of sessions. */
export function createSessionsService(options: SessionsOptions) {
  const beginSession = createBeginSession(options)
  return {
    login: createLogin(options, beginSession),
    beginFirst: createFirstSession(beginSession),
    refresh: createRefresh(options),
    logout: createLogout(options),
    isDeadCookie: createIsDeadCookie(options),
    list: createListSessions(options),
    endOne: createEndOne(options),
    endAll: createEndAll(options)
  }
}
