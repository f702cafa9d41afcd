/** Reads and writes sessions. Sign-in and refresh are one statement each. */

import { and, desc, eq, gt, inArray, isNull, ne, sql } from 'drizzle-orm'
import type { Queryable } from '../client.ts'
import { sessions, users } from '../schema/index.ts'
import { type AuditEvent, auditInsert } from './audit.ts'
import { type NewOutboxMail, outboxInsert } from './outbox.ts'
import type { User } from './users.ts'

export type Session = typeof sessions.$inferSelect

/** A session and whose it is. */
export interface OwnedSession {
  readonly session: Session
  readonly user: User
}

export type NewSession = Pick<
  Session,
  'id' | 'remembered' | 'ipAddress' | 'userAgent' | 'createdAt' | 'idleExpiresAt' | 'expiresAt'
> & { readonly userId: string }

/**
 * Begins a session, ends the one that was presented with the request, and records it all: one statement.
 *
 * @returns the ids of the sessions that ended
 */
export async function beginSession(
  db: Queryable,
  session: NewSession,
  presentedId: string | undefined,
  events: readonly AuditEvent[],
  mail: NewOutboxMail | undefined
): Promise<string[]> {
  const createdAt = session.createdAt.toISOString()
  const records = [...events.map(auditInsert), ...(mail ? [outboxInsert(mail)] : [])]
  const rows = await db.execute<{ id: string }>(sql`
    with begun as (
      insert into sessions (id, user_id, remembered, ip_address, user_agent, created_at, last_used_at, idle_expires_at, expires_at)
      values (${session.id}, ${session.userId}, ${session.remembered}, ${session.ipAddress}, ${session.userAgent},
        ${createdAt}, ${createdAt}, ${session.idleExpiresAt.toISOString()}, ${session.expiresAt.toISOString()})
    ), ${sql.join(
      records.map((record, i) => sql`${sql.identifier(`record_${i}`)} as (${record})`),
      sql`, `
    )}
    update sessions set ended_at = ${createdAt}, end_reason = 'replaced'
    where id = ${presentedId ?? null} and ended_at is null
    returning id`)
  return rows.map(row => row.id)
}

/** Ends the oldest sessions of a person beyond the newest `keep`. @returns their ids */
export async function endSessionsBeyond(db: Queryable, userId: string, keep: number, now: Date): Promise<string[]> {
  const surplus = db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.userId, userId), isNull(sessions.endedAt)))
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
    .offset(keep)
  const rows = await db
    .update(sessions)
    .set({ endedAt: now, endReason: 'evicted' })
    .where(inArray(sessions.id, surplus))
    .returning({ id: sessions.id })
  return rows.map(row => row.id)
}

export interface Rotation {
  readonly sessionId: string
  /** The counter of the token that was presented. */
  readonly counter: number
  readonly now: Date
  /** The new idle limits; never past the session's own end. */
  readonly idleExpiresAt: Date
  readonly rememberedIdleExpiresAt: Date
}

/**
 * Advances the refresh counter of a live session where it still stands at `counter`.
 *
 * @returns the session as it is now, or `undefined` where the token is not the valid one (any more)
 */
export async function advanceRefreshCounter(db: Queryable, rotation: Rotation): Promise<OwnedSession | undefined> {
  const idle = sql`case when ${sessions.remembered}
    then ${rotation.rememberedIdleExpiresAt.toISOString()}::timestamptz
    else ${rotation.idleExpiresAt.toISOString()}::timestamptz end`
  const [row] = await db
    .update(sessions)
    .set({
      refreshCounter: rotation.counter + 1,
      rotatedAt: rotation.now,
      lastUsedAt: rotation.now,
      idleExpiresAt: sql`least(${idle}, ${sessions.expiresAt})`
    })
    .from(users)
    .where(
      and(
        eq(sessions.id, rotation.sessionId),
        eq(sessions.refreshCounter, rotation.counter),
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, rotation.now),
        gt(sessions.idleExpiresAt, rotation.now),
        eq(users.id, sessions.userId),
        isNull(users.disabledAt)
      )
    )
    .returning({ session: sessions, user: users })
  return row
}

export async function findOwnedSession(db: Queryable, id: string): Promise<OwnedSession | undefined> {
  const [row] = await db
    .select({ session: sessions, user: users })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.id, id))
  return row
}

/** Ends a session that has not ended yet. */
export async function endSession(db: Queryable, id: string, reason: string, now: Date): Promise<Session | undefined> {
  const [session] = await db
    .update(sessions)
    .set({ endedAt: now, endReason: reason })
    .where(and(eq(sessions.id, id), isNull(sessions.endedAt)))
    .returning()
  return session
}

/** Ends a session where it is this person's. */
export async function endSessionOf(
  db: Queryable,
  userId: string,
  id: string,
  reason: string,
  now: Date
): Promise<Session | undefined> {
  const [session] = await db
    .update(sessions)
    .set({ endedAt: now, endReason: reason })
    .where(and(eq(sessions.id, id), eq(sessions.userId, userId), isNull(sessions.endedAt), gt(sessions.expiresAt, now)))
    .returning()
  return session
}

/** Ends every session of a person but one. @returns the ids of those that ended */
export async function endSessionsOf(
  db: Queryable,
  userId: string,
  exceptId: string | undefined,
  reason: string,
  now: Date
): Promise<string[]> {
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

/** The sessions of a person that could be refreshed now, newest use first. */
export async function listLiveSessions(db: Queryable, userId: string, now: Date): Promise<Session[]> {
  return db
    .select()
    .from(sessions)
    .where(
      and(
        eq(sessions.userId, userId),
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, now),
        gt(sessions.idleExpiresAt, now)
      )
    )
    .orderBy(desc(sessions.lastUsedAt), desc(sessions.id))
}

/** Whether a session exists and has not ended. Its time limits are the access token's own affair. */
export async function isSessionLive(db: Queryable, id: string): Promise<boolean> {
  const rows = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, id), isNull(sessions.endedAt)))
  return rows.length === 1
}

/** Whether the end of this session still waits to be told to the edges. */
export async function isEndUnpublished(db: Queryable, id: string): Promise<boolean> {
  const rows = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, id), sql`${sessions.endedAt} is not null and not ${sessions.endPublished}`))
  return rows.length === 1
}

/** Sessions that ended after `since`, oldest first: what a rebuilt revocation set must hold. */
export async function findSessionsEndedSince(db: Queryable, since: Date): Promise<string[]> {
  const rows = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(gt(sessions.endedAt, since))
    .orderBy(sessions.endedAt)
  return rows.map(row => row.id)
}

/** Sessions whose end the edges have not been told, oldest first. */
export async function findUnpublishedEnds(db: Queryable, limit: number): Promise<string[]> {
  const rows = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(sql`${sessions.endedAt} is not null and not ${sessions.endPublished}`)
    .orderBy(sessions.endedAt)
    .limit(limit)
  return rows.map(row => row.id)
}

export async function markEndsPublished(db: Queryable, ids: readonly string[]): Promise<void> {
  if (ids.length > 0)
    await db
      .update(sessions)
      .set({ endPublished: true })
      .where(inArray(sessions.id, [...ids]))
}
