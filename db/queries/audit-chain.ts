/** Reads and extends the hash chain over the audit log. How a hash is made is not known here. */

import type { Queryable } from '../client.ts'
import { and, asc, desc, eq, getTableColumns, gt, gte, isNull, lt, max, notExists, sql } from '../drizzle.ts'
import { auditChain, auditEvents } from '../schema/index.ts'
import type { AuditEvent } from './audit.ts'

export type ChainLink = typeof auditChain.$inferSelect

/** The link at the end of the chain. */
export async function findNewestLink(db: Queryable): Promise<ChainLink | undefined> {
  const [link] = await db.select().from(auditChain).orderBy(desc(auditChain.position)).limit(1)
  return link
}

/** The time of the youngest event that has a link. */
export async function findNewestSealedAt(db: Queryable): Promise<Date | undefined> {
  const [row] = await db.select({ at: max(auditChain.eventAt) }).from(auditChain)
  return row?.at ?? undefined
}

/** Events since `since` that have no link yet, oldest first. */
export async function findUnsealedEvents(db: Queryable, since: Date, limit: number): Promise<AuditEvent[]> {
  // `event_at` repeats what `event_id` implies: with it only the same hours of the chain are looked at.
  const link = db
    .select({ one: sql`1` })
    .from(auditChain)
    .where(and(eq(auditChain.eventId, auditEvents.id), gte(auditChain.eventAt, since)))
  return db
    .select()
    .from(auditEvents)
    .where(and(gte(auditEvents.at, since), notExists(link)))
    .orderBy(asc(auditEvents.at), asc(auditEvents.id))
    .limit(limit)
}

export async function insertLinks(db: Queryable, links: readonly ChainLink[]): Promise<void> {
  await db.insert(auditChain).values([...links])
}

/** Links after a position, in order, each with its event where that is still there. */
export async function readLinks(
  db: Queryable,
  afterPosition: number,
  limit: number
): Promise<{ link: ChainLink; event: AuditEvent | null }[]> {
  return db
    .select({ link: getTableColumns(auditChain), event: getTableColumns(auditEvents) })
    .from(auditChain)
    .leftJoin(auditEvents, eq(auditEvents.id, auditChain.eventId))
    .where(gt(auditChain.position, afterPosition))
    .orderBy(asc(auditChain.position))
    .limit(limit)
}

/** An event and whether it has a link. */
interface EventSeal {
  readonly id: string
  readonly at: Date
  readonly sealed: boolean
}

/** Events after a place in the order of (at, id) and before a time, each with whether it has a link. */
export async function readEventSeals(
  db: Queryable,
  after: Pick<EventSeal, 'id' | 'at'> | undefined,
  before: Date,
  limit: number
): Promise<EventSeal[]> {
  const { id, at } = auditEvents
  return db
    .select({ id, at, sealed: sql<boolean>`${auditChain.position} is not null` })
    .from(auditEvents)
    .leftJoin(auditChain, eq(auditChain.eventId, id))
    .where(and(lt(at, before), after && sql`(${at}, ${id}) > (${after.at.toISOString()}, ${after.id})`))
    .orderBy(asc(at), asc(id))
    .limit(limit)
}

/** How many events since `since` have no link yet. */
export async function countUnsealedEvents(db: Queryable, since: Date): Promise<number> {
  const { at, id } = auditEvents
  const [row] = await db
    .select({ count: sql<number>`count(*)::int` })
    .from(auditEvents)
    .leftJoin(auditChain, and(eq(auditChain.eventId, id), gte(auditChain.eventAt, since)))
    .where(and(gte(at, since), isNull(auditChain.position)))
  return row?.count ?? 0
}
