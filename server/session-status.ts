/** Whether the session of an access token is live: from memory where memory knows, otherwise from the database. */

import type { Database } from '../db/client.ts'
import { isSessionLive } from '../db/queries/sessions.ts'
import type { Admission } from '../edge/admission/admission.ts'
import type { SessionStatus, TokenSession } from '../edge/revocation/revocation-view.ts'

/** The memory of ended sessions, and the database behind it. */
export interface SessionStatusOptions {
  readonly admission: Admission
  readonly database: Database
  readonly nowMs: () => number
}

/** A value where memory knows, because most requests ask for nothing more and a promise costs them time. */
export type ReadSessionStatus = (session: TokenSession) => SessionStatus | Promise<SessionStatus>

/** Creates the look-up of a session's status. It does not reject because of Redis. */
export function createSessionStatus({ admission, database, nowMs }: SessionStatusOptions): ReadSessionStatus {
  return session => {
    // A process may finish what it began behind a request, so nothing has to keep it alive.
    const conversation = admission.begin({ charges: [], begunAtMs: nowMs(), background: work => void work })
    conversation.identify(session, [])
    const known = () => withDatabase(database, session, conversation.sessionStatus())
    return conversation.ready()?.then(known) ?? known()
  }
}

/** Where Redis cannot say, the database can, because Redis holds a copy of what it knows. */
function withDatabase(
  database: Database,
  { sid }: TokenSession,
  status: SessionStatus
): SessionStatus | Promise<SessionStatus> {
  if (status !== 'unknown') return status
  return database.run(db => isSessionLive(db, sid)).then(isLive => (isLive ? 'live' : 'ended'))
}
