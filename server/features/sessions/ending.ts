/** Ends sessions: the presented one, one of the list, or all of them. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { endSession, endSessionOf, endSessionsOf, isEndUnpublished } from '../../../db/queries/session-ends.ts'
import { findUser } from '../../../db/queries/users.ts'
import type { AuditKind } from '../../lib/audit-event.ts'
import type { Client } from '../../lib/client.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { SessionsOptions } from './options.ts'

/** Where the edges could not be told: the session has ended all the same, and the telling is retried. */
const UNTOLD = failure('unavailable', 'the edges could not be told that the session has ended', {
  retryAfterSeconds: 1
})

/**
 * Ends the session of a refresh token or of an access token. Doing it again, or without any session, succeeds too.
 *
 * Where the edges could not be told the answer is `unavailable`, with the session already ended:
 * the client is told the truth, and asking again finds out whether they know by now.
 */
export async function logout(
  options: SessionsOptions,
  token: string | undefined,
  accessSid: string | undefined,
  client: Client
): Promise<Result<undefined>> {
  const { database, refreshTokens, audit, nowMs } = options
  const sid = (token === undefined ? undefined : refreshTokens.open(token)?.sessionId) ?? accessSid
  if (sid === undefined) return success(undefined)
  const endedMs = nowMs()
  const mustTell = await database.transaction(async db => {
    const session = await endSession(db, sid, 'logout', new Date(endedMs))
    if (session === undefined) return isEndUnpublished(db, sid)
    const person = session.userId === null ? undefined : await findUser(db, session.userId)
    const subject = { ...(person ? { person } : {}), sessionId: sid }
    await insertAuditEvent(db, audit.event('logged-out', 'success', client, endedMs, subject))
    return true
  })
  return !mustTell || (await options.announceEnds([sid])) ? success(undefined) : UNTOLD
}

/** Ends one session of a person. Another person's is not found, like an unknown one. */
export async function endOne(
  options: SessionsOptions,
  userId: string,
  sid: string,
  client: Client
): Promise<Result<undefined>> {
  const now = new Date(options.nowMs())
  const ended = await recorded(options, userId, 'session-ended', client, async db => {
    const session = await endSessionOf(db, userId, sid, 'ended', now)
    return session ? [session.id] : []
  })
  if (ended.length === 0) return failure('not-found', 'no live session of this person has that id')
  return (await options.announceEnds(ended)) ? success(undefined) : UNTOLD
}

/** Ends every session of a person, the present one too. */
export async function endAll(options: SessionsOptions, userId: string, client: Client): Promise<Result<undefined>> {
  const now = new Date(options.nowMs())
  const ended = await recorded(options, userId, 'sessions-ended', client, db =>
    endSessionsOf(db, userId, undefined, 'ended', now)
  )
  return ended.length === 0 || (await options.announceEnds(ended)) ? success(undefined) : UNTOLD
}

/** Ends sessions and records it together, where any has ended. */
async function recorded(
  { database, audit, nowMs }: SessionsOptions,
  userId: string,
  kind: AuditKind,
  client: Client,
  end: (db: Parameters<Parameters<SessionsOptions['database']['transaction']>[0]>[0]) => Promise<string[]>
): Promise<string[]> {
  return database.transaction(async db => {
    const ended = await end(db)
    const person = ended.length > 0 ? await findUser(db, userId) : undefined
    if (person) {
      const [sessionId] = ended.length === 1 ? ended : []
      const subject = { person, ...(sessionId ? { sessionId } : {}), details: { sessions: String(ended.length) } }
      await insertAuditEvent(db, audit.event(kind, 'success', client, nowMs(), subject))
    }
    return ended
  })
}
