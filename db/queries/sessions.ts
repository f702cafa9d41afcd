/** Reads and writes sessions. Sign-in and refresh are one statement each. */

import { and, desc, eq, gt, isNull, sql } from 'drizzle-orm'
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
