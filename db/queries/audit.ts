/** Appends and lists security events. An event is appended in the transaction of the change that it records. */

import type { SQL } from 'drizzle-orm'
import type { Queryable } from '../client.ts'
import { alias, and, asc, desc, eq, gt, lt, sql } from '../drizzle.ts'
import { auditEvents, users } from '../schema/index.ts'

/** A row of `audit_events`. */
export type AuditEvent = typeof auditEvents.$inferSelect

/** Appends an event. */
export async function insertAuditEvent(db: Queryable, event: AuditEvent): Promise<void> {
  await db.insert(auditEvents).values(event)
}

/**
 * The same insert as a part of a larger statement, so that the whole costs one round trip. Inserts only where `onlyIf`
 * holds.
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

/** A page of the log; an undefined filter admits every event. */
export interface AuditQuery {
  readonly userId: string | undefined
  readonly kind: string | undefined
  /** The last event of the page before. */
  readonly beforeId: string | undefined
  readonly limit: number
}

/** An event with the keys of the user concerned and of the acting administrator, where their accounts still exist. */
export interface EventWithKeys {
  readonly event: AuditEvent
  readonly sealedAuditKey: Uint8Array | null
  readonly actorAuditKey: Uint8Array | null
}

const actors = alias(users, 'actors')

/** Events, newest first. Ids begin with their time, and every filter has an index in the order of ids. */
export async function listAuditEvents(
  db: Queryable,
  { userId, kind, beforeId, limit }: AuditQuery
): Promise<EventWithKeys[]> {
  return db
    .select({ event: auditEvents, sealedAuditKey: users.sealedAuditKey, actorAuditKey: actors.sealedAuditKey })
    .from(auditEvents)
    .leftJoin(users, eq(users.id, auditEvents.userId))
    .leftJoin(actors, eq(actors.id, auditEvents.actorId))
    .where(
      and(
        userId === undefined ? undefined : eq(auditEvents.userId, userId),
        kind === undefined ? undefined : eq(auditEvents.kind, kind),
        beforeId === undefined ? undefined : lt(auditEvents.id, beforeId)
      )
    )
    .orderBy(desc(auditEvents.id))
    .limit(limit)
}

/** A page of the events of one user, for the export. */
interface OwnEventsQuery {
  readonly userId: string
  /** The last event of the page before. */
  readonly afterId: string
  readonly limit: number
}

/** Events that concern a user, oldest first. */
export async function listAuditEventsOf(
  db: Queryable,
  { userId, afterId, limit }: OwnEventsQuery
): Promise<AuditEvent[]> {
  return db
    .select()
    .from(auditEvents)
    .where(and(eq(auditEvents.userId, userId), gt(auditEvents.id, afterId)))
    .orderBy(asc(auditEvents.id))
    .limit(limit)
}

/** What a user did to other accounts as an administrator, oldest first. */
export async function listActsOf(db: Queryable, { userId, afterId, limit }: OwnEventsQuery): Promise<AuditEvent[]> {
  const { id, actorId, userId: concerned } = auditEvents
  return db
    .select()
    .from(auditEvents)
    .where(and(eq(actorId, userId), sql`${concerned} is distinct from ${userId}`, gt(id, afterId)))
    .orderBy(asc(id))
    .limit(limit)
}
