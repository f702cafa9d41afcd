/** Reads and extends the hash chain over the audit log. The hashes are computed by the caller. */

import type { Queryable } from '../client.ts'
import { and, asc, desc, eq, getTableColumns, gt, gte, isNull, lt, max, notExists, sql } from '../drizzle.ts'
import { auditChain, auditEvents } from '../schema/index.ts'
import type { AuditEvent } from './audit.ts'

/** A row of `audit_chain`. */
export type ChainLink = typeof auditChain.$inferSelect

/** The link at the end of the chain. */
export async function findNewestLink(db: Queryable): Promise<ChainLink | undefined> {
  const [link] = await db.select().from(auditChain).orderBy(desc(auditChain.position)).limit(1)
  return link
}

/** The time of the youngest event that has a link. */
export async function findNewestLinkedAt(db: Queryable): Promise<Date | undefined> {
  const [row] = await db.select({ at: max(auditChain.eventAt) }).from(auditChain)
  return row?.at ?? undefined
}

/** Events since `since` that have no link yet, oldest first. */
export async function findUnlinkedEvents(db: Queryable, since: Date, limit: number): Promise<AuditEvent[]> {
  // `event_at` follows from `event_id`, but with it the query reads only the same hours of the chain.
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

/** Appends links to the chain. */
export async function insertLinks(db: Queryable, links: readonly ChainLink[]): Promise<void> {
  await db.insert(auditChain).values([...links])
}

/** Links after a position, in order, each with its event. The event is null once it is purged or removed. */
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
interface LinkState {
  readonly id: string
  readonly at: Date
  readonly linked: boolean
}

/** Events after a place in the order of (at, id) and before a time, each with its link state. */
export async function readLinkStates(
  db: Queryable,
  after: Pick<LinkState, 'id' | 'at'> | undefined,
  before: Date,
  limit: number
): Promise<LinkState[]> {
  const { id, at } = auditEvents
  return db
    .select({ id, at, linked: sql<boolean>`${auditChain.position} is not null` })
    .from(auditEvents)
    .leftJoin(auditChain, eq(auditChain.eventId, id))
    .where(and(lt(at, before), after && sql`(${at}, ${id}) > (${after.at.toISOString()}, ${after.id})`))
    .orderBy(asc(at), asc(id))
    .limit(limit)
}

/** The number of events since `since` that have no link yet. */
export async function countUnlinkedEvents(db: Queryable, since: Date): Promise<number> {
  const { at, id } = auditEvents
  const [row] = await db
    .select({ count: sql<number>`count(*)::int` })
    .from(auditEvents)
    .leftJoin(auditChain, and(eq(auditChain.eventId, id), gte(auditChain.eventAt, since)))
    .where(and(gte(at, since), isNull(auditChain.position)))
  return row?.count ?? 0
}
