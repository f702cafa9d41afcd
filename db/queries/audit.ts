/** Appends security events; the statement goes into the transaction of the change that it records. */

import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../client.ts'
import { auditEvents } from '../schema/index.ts'

export type AuditEvent = typeof auditEvents.$inferInsert

export async function insertAuditEvent(db: Queryable, event: AuditEvent): Promise<void> {
  await db.insert(auditEvents).values(event)
}

/** The same insert as a part of a larger statement, for the ways that cost one round trip. */
export function auditInsert(event: AuditEvent): SQL {
  return sql`insert into audit_events
    (id, at, kind, outcome, user_id, session_id, ip_address, user_agent, request_id, details)
    values (${event.id}, ${event.at.toISOString()}, ${event.kind}, ${event.outcome}, ${event.userId ?? null},
      ${event.sessionId ?? null}, ${event.ipAddress ?? null}, ${event.userAgent ?? null},
      ${event.requestId ?? null}, ${JSON.stringify(event.details)}::jsonb)`
}
