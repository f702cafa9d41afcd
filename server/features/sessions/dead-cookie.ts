/** Decides whether a refresh cookie is useless, or belongs to another session. */

import type { SessionsOptions } from './options.ts'

interface CookieOfEnded {
  readonly cookie: string
  readonly endedSessionId: string
}

/** Creates the rule. After the end of a session, a cookie is useless if it belongs to that session or is invalid. */
export function createIsDeadCookie({ refreshTokens }: SessionsOptions) {
  return ({ cookie, endedSessionId }: CookieOfEnded): boolean => {
    const ticket = refreshTokens.parse(cookie)
    return ticket === undefined || ticket.sessionId === endedSessionId
  }
}
