/** Lists where a user is signed in. */

import { listLiveSessions, type Session } from '../../../db/queries/sessions.ts'
import type { SessionsOptions } from './options.ts'

/** Creates the rule that lists the live sessions of a user, the last used first. */
export function createListSessions({ database, nowMs }: SessionsOptions) {
  return (userId: string): Promise<Session[]> => database.run(db => listLiveSessions(db, userId, new Date(nowMs())))
}
