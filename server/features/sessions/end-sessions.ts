/** Ends sessions of a user: one from the list, or all of them. */

import type { Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { endSessionOf, endSessionsOf } from '../../../db/queries/session-ends.ts'
import { findUser } from '../../../db/queries/users.ts'
import type { AuditKind } from '../../audit/audit-kinds.ts'
import type { Client } from '../../lib/client.ts'
import { ENDS_UNPUBLISHED } from '../../lib/publish-ends.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { SessionsOptions } from './options.ts'

interface UserSession {
  readonly userId: string
  readonly sessionId: string
}

/** Creates the rule that ends one session of a user. A session of another user is not found, like an unknown one. */
export function createEndOne(options: SessionsOptions) {
  return async ({ userId, sessionId }: UserSession, client: Client): Promise<Result<undefined>> => {
    const now = new Date(options.nowMs())
    const ended = await endAndRecord(options, { kind: 'session-ended', userId, client }, async db => {
      const session = await endSessionOf(db, userId, { id: sessionId, reason: 'ended', now })
      return session ? [session.id] : []
    })
    if (ended.length === 0) return failure('not-found', 'the user has no live session with this id')
    return (await options.publishEnds(ended)) ? success(undefined) : ENDS_UNPUBLISHED
  }
}

/** Creates the rule that ends every session of a user, including that of the request. */
export function createEndAll(options: SessionsOptions) {
  return async (userId: string, client: Client): Promise<Result<undefined>> => {
    const now = new Date(options.nowMs())
    const ended = await endAndRecord(options, { kind: 'sessions-ended', userId, client }, db =>
      endSessionsOf(db, userId, { reason: 'ended', now })
    )
    return ended.length === 0 || (await options.publishEnds(ended)) ? success(undefined) : ENDS_UNPUBLISHED
  }
}

interface Ending {
  readonly kind: AuditKind
  readonly userId: string
  readonly client: Client
}

/** Ends sessions and records that in one transaction, if any has ended. */
async function endAndRecord(
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
