/** Whether the session of an access token is live: from memory where memory knows, otherwise from the database. */

import type { Database } from '../db/client.ts'
import { isSessionLive } from '../db/queries/sessions.ts'
import type { Admission } from '../edge/admission/admission.ts'
import type { SessionStatus, TokenSession } from '../edge/revocation/revocation-view.ts'

export interface SessionStatusOptions {
  readonly admission: Pick<Admission, 'prepare' | 'standing'>
  readonly database: Database
  readonly nowMs: () => number
}

/** A value where memory knows, because most requests ask for nothing more and a promise costs them time. */
export type ReadSessionStatus = (session: TokenSession) => SessionStatus | Promise<SessionStatus>

/** Creates the look-up of a session's status. It does not reject because of Redis. */
export function createSessionStatus({ admission, database, nowMs }: SessionStatusOptions): ReadSessionStatus {
  /** Where Redis cannot say, the database can, because Redis holds a copy of what it knows. */
  function known(session: TokenSession, begunAtMs: number): SessionStatus | Promise<SessionStatus> {
    const status = admission.standing(session, begunAtMs)
    if (status !== 'unknown') return status
    return database.run(db => isSessionLive(db, session.sid)).then(isLive => (isLive ? 'live' : 'ended'))
  }

  return session => {
    const begunAtMs = nowMs()
    // A process may finish what it began behind a request, so nothing has to keep it alive.
    const preparing = admission.prepare([], true, work => void work)
    return preparing === undefined ? known(session, begunAtMs) : preparing.then(() => known(session, begunAtMs))
  }
}
