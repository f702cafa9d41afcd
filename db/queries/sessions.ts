/** Reads and refreshes sessions; a refresh is one statement. How they begin and end is beside it. */

import { builtOnce } from '../built-once.ts'
import type { Queryable } from '../client.ts'
import { and, desc, eq, gt, isNull, sql } from '../drizzle.ts'
import { sessions, users } from '../schema/index.ts'
import type { User } from './users.ts'

export type Session = typeof sessions.$inferSelect

/** A session and whose it is. */
export interface OwnedSession {
  readonly session: Session
  readonly user: User
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

/** Its parameters, by name. */
const given = {
  sessionId: sql.placeholder('sessionId'),
  counter: sql.placeholder('counter'),
  now: sql`${sql.placeholder('now')}::timestamptz`,
  idle: sql`case when ${sessions.remembered} then ${sql.placeholder('rememberedIdleExpiresAt')}::timestamptz
    else ${sql.placeholder('idleExpiresAt')}::timestamptz end`
}

const advance = builtOnce(db =>
  db
    .update(sessions)
    .set({
      refreshCounter: sql`${given.counter}::integer + 1`,
      // The clock at execution: a statement that was held up must not make its own client look late, and a thief.
      rotatedAt: sql`greatest(${given.now}, clock_timestamp())`,
      lastUsedAt: given.now,
      idleExpiresAt: sql`least(${given.idle}, ${sessions.expiresAt})`
    })
    .from(users)
    .where(
      and(
        eq(sessions.id, given.sessionId),
        eq(sessions.refreshCounter, given.counter),
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, given.now),
        gt(sessions.idleExpiresAt, given.now),
        eq(users.id, sessions.userId),
        isNull(users.disabledAt)
      )
    )
    .returning({ session: sessions, user: users })
    .prepare('advance-refresh-counter')
)

/**
 * Advances the refresh counter of a live session where it still stands at `counter`.
 *
 * @returns the session as it is now, or `undefined` where the token is not the valid one (any more)
 */
export async function advanceRefreshCounter(db: Queryable, rotation: Rotation): Promise<OwnedSession | undefined> {
  const [row] = await advance(db).execute({
    sessionId: rotation.sessionId,
    counter: rotation.counter,
    now: rotation.now.toISOString(),
    idleExpiresAt: rotation.idleExpiresAt.toISOString(),
    rememberedIdleExpiresAt: rotation.rememberedIdleExpiresAt.toISOString()
  })
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

const liveSession = builtOnce(db =>
  db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, sql.placeholder('id')), isNull(sessions.endedAt)))
    .prepare('live-session')
)

/** Whether a session exists and has not ended. Its time limits are the access token's own affair. */
export async function isSessionLive(db: Queryable, id: string): Promise<boolean> {
  const rows = await liveSession(db).execute({ id })
  return rows.length === 1
}
