/** Appends security events; the statement goes into the transaction of the change that it records. */

import type { SQL } from 'drizzle-orm'
import type { Queryable } from '../client.ts'
import { sql } from '../drizzle.ts'
import { auditEvents } from '../schema/index.ts'

export type AuditEvent = typeof auditEvents.$inferSelect

export async function insertAuditEvent(db: Queryable, event: AuditEvent): Promise<void> {
  await db.insert(auditEvents).values(event)
}

/** The same insert as a part of a larger statement, for the ways that cost one round trip; only where `onlyIf` holds. */
export function auditInsert(event: AuditEvent, onlyIf: SQL): SQL {
  return sql`insert into audit_events
    (id, at, kind, outcome, user_id, actor_id, session_id, request_id, sealed_personal)
    select ${event.id}::uuid, ${event.at.toISOString()}::timestamptz, ${event.kind}::text, ${event.outcome}::text,
      ${event.userId}::uuid, ${event.actorId}::uuid, ${event.sessionId}::uuid, ${event.requestId}::uuid,
      ${Buffer.from(event.sealedPersonal)}::bytea
    where ${onlyIf}`
}
