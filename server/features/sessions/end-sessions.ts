/** Ends sessions of a person from the list: one of them, or all. */

import type { Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { endSessionOf, endSessionsOf } from '../../../db/queries/session-ends.ts'
import { findUser } from '../../../db/queries/users.ts'
import type { AuditKind } from '../../audit/audit-kinds.ts'
import type { Client } from '../../lib/client.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { SessionsOptions } from './options.ts'

/** The session has ended, but its end is not published yet; that is retried. */
export const UNPUBLISHED = failure('unavailable', 'the edges could not be told that the session has ended', {
  retryAfterSeconds: 1
})

export interface UserSession {
  readonly userId: string
  readonly sessionId: string
}

/** Ends one session of a person. Another person's is not found, like an unknown one. */
export function createEndOne(options: SessionsOptions) {
  return async ({ userId, sessionId }: UserSession, client: Client): Promise<Result<undefined>> => {
    const now = new Date(options.nowMs())
    const ended = await recorded(options, { kind: 'session-ended', userId, client }, async db => {
      const session = await endSessionOf(db, userId, { id: sessionId, reason: 'ended', now })
      return session ? [session.id] : []
    })
    if (ended.length === 0) return failure('not-found', 'no live session of this person has that id')
    return (await options.publishEnds(ended)) ? success(undefined) : UNPUBLISHED
  }
}

/** Ends every session of a person, the present one too. */
export function createEndAll(options: SessionsOptions) {
  return async (userId: string, client: Client): Promise<Result<undefined>> => {
    const now = new Date(options.nowMs())
    const ended = await recorded(options, { kind: 'sessions-ended', userId, client }, db =>
      endSessionsOf(db, userId, { reason: 'ended', now })
    )
    return ended.length === 0 || (await options.publishEnds(ended)) ? success(undefined) : UNPUBLISHED
  }
}

interface Ending {
  readonly kind: AuditKind
  readonly userId: string
  readonly client: Client
}

/** Ends sessions and records it together, where any has ended. */
async function recorded(
  { database, audit, nowMs }: SessionsOptions,
  { kind, userId, client }: Ending,
  end: (db: Queryable) => Promise<string[]>
): Promise<string[]> {
  return database.transaction(async db => {
    const ended = await end(db)
    const person = ended.length > 0 ? await findUser(db, userId) : undefined
    if (person) {
      const [sessionId] = ended.length === 1 ? ended : []
      const subject = { person, ...(sessionId ? { sessionId } : {}), details: { sessions: String(ended.length) } }
      await insertAuditEvent(db, audit.event({ kind, client, atMs: nowMs(), ...subject }))
    }
    return ended
  })
}
