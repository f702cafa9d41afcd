/** Ends sessions, and keeps track of the ends that were published to Redis. */

import { builtOnce } from '../built-once.ts'
import type { Queryable } from '../client.ts'
import { and, desc, eq, gt, inArray, isNull, ne, sql } from '../drizzle.ts'
import { knownDevices, sessions } from '../schema/index.ts'
import type { Session } from './sessions.ts'
import { voidLinksOf } from './void-links.ts'

const endBeyond = builtOnce(db => {
  const surplus = db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.userId, sql.placeholder('userId')), isNull(sessions.endedAt)))
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
    .offset(sql.placeholder('keep'))
  return db
    .update(sessions)
    .set({ endedAt: sql`${sql.placeholder('now')}::timestamptz`, endReason: 'evicted' })
    .where(and(inArray(sessions.id, surplus), isNull(sessions.endedAt)))
    .returning({ id: sessions.id })
    .prepare('end-sessions-beyond')
})

/** Ends the oldest sessions of a user beyond the newest `keep`. @returns their ids */
export async function endSessionsBeyond(db: Queryable, userId: string, keep: number, now: Date): Promise<string[]> {
  const rows = await endBeyond(db).execute({ userId, keep, now: now.toISOString() })
  return rows.map(row => row.id)
}

/** Which session ends, why and when. */
interface SessionEnd {
  readonly id: string
  readonly reason: string
  readonly now: Date
}

/** Ends a session that has not ended yet. */
export async function endSession(db: Queryable, { id, reason, now }: SessionEnd): Promise<Session | undefined> {
  const [session] = await db
    .update(sessions)
    .set({ endedAt: now, endReason: reason })
    .where(and(eq(sessions.id, id), isNull(sessions.endedAt)))
    .returning()
  return session
}

/** Ends a session if it belongs to this user. */
export async function endSessionOf(
  db: Queryable,
  userId: string,
  { id, reason, now }: SessionEnd
): Promise<Session | undefined> {
  const [session] = await db
    .update(sessions)
    .set({ endedAt: now, endReason: reason })
    .where(and(eq(sessions.id, id), eq(sessions.userId, userId), isNull(sessions.endedAt), gt(sessions.expiresAt, now)))
    .returning()
  return session
}

/** Which session stays, if any, and why and when the others end. */
interface SessionsEnd {
  readonly exceptId?: string | undefined
  readonly reason: string
  readonly now: Date
}

/**
 * Ends every session of a user, except one where the caller names it, and makes the unused links of the account void.
 *
 * The user is locked first, as everywhere: after the user come sessions, tokens and emails.
 *
 * @returns the ids of the sessions that ended
 */
export async function endSessionsOf(
  db: Queryable,
  userId: string,
  { exceptId, reason, now }: SessionsEnd
): Promise<string[]> {
  await voidLinksOf(db, userId, now)
  // Security: the next sign-in of each device causes a notice again, that of a thief's device included.
  await db.delete(knownDevices).where(eq(knownDevices.userId, userId))
  const rows = await db
    .update(sessions)
    .set({ endedAt: now, endReason: reason })
    .where(
      and(
        eq(sessions.userId, userId),
        isNull(sessions.endedAt),
        exceptId === undefined ? undefined : ne(sessions.id, exceptId)
      )
    )
    .returning({ id: sessions.id })
  return rows.map(row => row.id)
}

/** Whether this session has ended and its end is not published yet. */
export async function isEndUnpublished(db: Queryable, id: string): Promise<boolean> {
  const rows = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, id), sql`${sessions.endedAt} is not null and not ${sessions.endPublished}`))
  return rows.length === 1
}

/** Sessions that ended after `since`, oldest first. A rebuilt revocation set must contain them. */
export async function findSessionsEndedSince(db: Queryable, since: Date): Promise<string[]> {
  const rows = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(gt(sessions.endedAt, since))
    .orderBy(sessions.endedAt)
  return rows.map(row => row.id)
}

/** Sessions with an unpublished end, oldest first. */
export async function findUnpublishedEnds(db: Queryable, limit: number): Promise<string[]> {
  const rows = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(sql`${sessions.endedAt} is not null and not ${sessions.endPublished}`)
    .orderBy(sessions.endedAt)
    .limit(limit)
  return rows.map(row => row.id)
}

/** Marks the ends of these sessions as published. */
export async function markEndsPublished(db: Queryable, ids: readonly string[]): Promise<void> {
  if (ids.length > 0)
    await db
      .update(sessions)
      .set({ endPublished: true })
      .where(inArray(sessions.id, [...ids]))
}
