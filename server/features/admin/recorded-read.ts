/** Reads for an administrator. Each read is recorded in its own transaction: both happen, or neither. */

import type { Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import type { User } from '../../../db/queries/users.ts'
import type { AuditKind } from '../../audit/audit-kinds.ts'
import type { Client } from '../../lib/client.ts'
import type { AdminOptions } from './options.ts'

/** The admitted administrator and the client of a request. */
export interface ActingAdmin {
  readonly person: User
  readonly client: Client
}

interface ReadEvent {
  readonly kind: AuditKind
  /** The filters of the list. */
  readonly details: Readonly<Record<string, string>>
}

/** Runs `query` and records it. */
export async function readRecorded<T>(
  { database, audit, nowMs }: AdminOptions,
  { person, client }: ActingAdmin,
  { kind, details }: ReadEvent,
  query: (db: Queryable) => Promise<T>
): Promise<T> {
  return database.transaction(async db => {
    const result = await query(db)
    const event = audit.event({ kind, client, atMs: nowMs(), person, actor: person, details })
    await insertAuditEvent(db, event)
    return result
  })
}
