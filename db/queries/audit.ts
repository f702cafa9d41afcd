/** Appends security events; the statement goes into the transaction of the change that it records. */

import type { SQL } from 'drizzle-orm'
import type { Queryable } from '../client.ts'
import { sql } from '../drizzle.ts'
import { auditEvents } from '../schema/index.ts'

export type AuditEvent = typeof auditEvents.$inferSelect

export async function insertAuditEvent(db: Queryable, event: AuditEvent): Promise<void> {
  await db.insert(auditEvents).values(event)
}

/**
 * The same insert as a part of a larger statement, for the ways that cost one round trip; only where `onlyIf` holds.
 *
 * @param prefix of its parameters' names, as given to `auditValues`
 */
export function auditInsert(prefix: string, onlyIf: SQL): SQL {
  const given = (name: keyof AuditEvent) => sql.placeholder(prefix + name)
  return sql`insert into audit_events
    (id, at, kind, outcome, user_id, actor_id, session_id, request_id, sealed_personal, sealed_actor)
    select ${given('id')}::uuid, ${given('at')}::timestamptz, ${given('kind')}::text, ${given('outcome')}::text,
      ${given('userId')}::uuid, ${given('actorId')}::uuid, ${given('sessionId')}::uuid, ${given('requestId')}::uuid,
      ${given('sealedPersonal')}::bytea, ${given('sealedActor')}::bytea
    where ${onlyIf}`
}

/** The parameters of `auditInsert`. */
export function auditValues(prefix: string, event: AuditEvent): Record<string, unknown> {
  const bytes = {
    sealedPersonal: Buffer.from(event.sealedPersonal),
    sealedActor: event.sealedActor && Buffer.from(event.sealedActor)
  }
  const values = { ...event, ...bytes, at: event.at.toISOString() }
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]))
}
