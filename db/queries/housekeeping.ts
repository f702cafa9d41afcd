/** Removes outdated rows, a bounded number at a time. Each statement uses an index. */

import type { SQLWrapper } from 'drizzle-orm'
import type { Queryable } from '../client.ts'
import { and, asc, inArray, isNotNull, isNull, lt, or, sql } from '../drizzle.ts'
import { knownDevices, mailedTokens, outbox, registrations, sessions } from '../schema/index.ts'

/** A place in the order of (at, id). */
export interface Place {
  readonly at: Date
  readonly id: string
}

interface SessionSweep {
  /** Where the next batch continues; `undefined` at the end. */
  readonly next: Place | undefined
  readonly removed: number
}

/** Which batch of sessions is walked over. */
interface SessionBatch {
  /** `endedAt` finds sessions that were ended, `expiresAt` those that have expired. */
  readonly by: 'endedAt' | 'expiresAt'
  /** Only sessions that ended or expired before this. */
  readonly before: Date
  /** The `next` of the batch before; `undefined` for the first. */
  readonly after: Place | undefined
  readonly limit: number
}

/**
 * Walks over a batch of sessions that have ended or expired, and removes them.
 *
 * The newest session of each user stays: it tells a later sign-in that it is not the user's first.
 */
export async function sweepSessions(db: Queryable, { by, before, after, limit }: SessionBatch): Promise<SessionSweep> {
  const column = sessions[by]
  const found = await db
    .select({ at: column, id: sessions.id })
    .from(sessions)
    .where(
      and(
        lt(column, before),
        by === 'endedAt' ? isNotNull(sessions.endedAt) : isNull(sessions.endedAt),
        after && sql`(${column}, ${sessions.id}) > (${after.at.toISOString()}, ${after.id})`
      )
    )
    .orderBy(asc(column), asc(sessions.id))
    .limit(limit)
  const last = found.at(-1)
  if (last === undefined) return { next: undefined, removed: 0 }
  const ids = found.map(({ id }) => id)
  const hasNewer = sql`exists (select 1 from sessions newer where newer.user_id = ${sessions.userId} and newer.id > ${sessions.id})`
  const removed = await db
    .delete(sessions)
    .where(and(inArray(sessions.id, ids), or(isNull(sessions.userId), hasNewer)))
    .returning({ id: sessions.id })
  const next = found.length < limit || last.at === null ? undefined : { at: last.at, id: last.id }
  return { next, removed: removed.length }
}

/** A subquery as an array. As a set PostgreSQL would join it to a scan of the whole table. */
const oneOf = (column: SQLWrapper, ids: SQLWrapper) => sql`${column} = any(array(${ids}))`

/** Tokens that have expired. @returns the number of removed rows, like the functions below */
export async function deleteExpiredMailedTokens(db: Queryable, now: Date, limit: number): Promise<number> {
  const { tokenHash, expiresAt } = mailedTokens
  const due = db.select({ tokenHash }).from(mailedTokens).where(lt(expiresAt, now)).orderBy(expiresAt).limit(limit)
  return (await db.delete(mailedTokens).where(oneOf(tokenHash, due)).returning({ tokenHash })).length
}

/** Registrations that have expired, and with them their links. */
export async function deleteExpiredRegistrations(db: Queryable, now: Date, limit: number): Promise<number> {
  const { id, expiresAt } = registrations
  const due = db.select({ id }).from(registrations).where(lt(expiresAt, now)).orderBy(expiresAt).limit(limit)
  return (await db.delete(registrations).where(oneOf(id, due)).returning({ id })).length
}

/** Devices that were noted before `before`. Their next sign-in causes a notice again. */
export async function deleteOldDevices(db: Queryable, before: Date, limit: number): Promise<number> {
  const { userId, notedAt } = knownDevices
  // By `ctid`: the key has two columns, and PostgreSQL would join pairs to a scan of the whole table.
  const place = sql<string>`ctid`
  const due = db.select({ place }).from(knownDevices).where(lt(notedAt, before)).orderBy(notedAt).limit(limit)
  return (await db.delete(knownDevices).where(oneOf(place, due)).returning({ userId })).length
}

/** Emails that were written before `before`, and were sent or given up. */
export async function deleteOldMails(db: Queryable, before: Date, limit: number): Promise<number> {
  const { id, createdAt, sentAt, deadAt } = outbox
  const due = db
    .select({ id })
    .from(outbox)
    .where(and(lt(createdAt, before), or(isNotNull(sentAt), isNotNull(deadAt))))
    .orderBy(createdAt)
    .limit(limit)
  return (await db.delete(outbox).where(oneOf(id, due)).returning({ id })).length
}

/** Audit events before `before`, from the beginning of the chain. The database refuses to remove young ones. */
export async function purgeAuditEvents(db: Queryable, before: Date, limit: number): Promise<number> {
  const [row] = await db.execute<{ purged: number }>(
    sql`select purge_audit_events(${before.toISOString()}::timestamptz, ${limit}::int) as purged`
  )
  return row?.purged ?? 0
}
