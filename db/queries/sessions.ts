/** Reads and writes sessions. Sign-in and refresh are one statement each. */

import { builtOnce } from '../built-once.ts'
import type { Queryable } from '../client.ts'
import { and, desc, eq, gt, isNull, sql } from '../drizzle.ts'
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

export interface SessionBeginning {
  readonly session: NewSession
  /** The hash that the password was checked against. */
  readonly passwordHash: string
  /** The session that was presented with the request. */
  readonly presentedId: string | undefined
  readonly events: readonly AuditEvent[]
  readonly mail: NewOutboxMail | undefined
}

/**
 * Begins a session, ends the one that was presented with the request, and records it all: one statement.
 *
 * Security: only where the password is still the one that was checked and the account is not disabled. The lock on the
 * user makes this wait for a change that is under way, and makes a change wait for this: whoever changes the password
 * then finds the new session and ends it.
 *
 * @returns the ids of the sessions that ended, or `undefined` where nothing was begun
 */
export async function beginSession(db: Queryable, beginning: SessionBeginning): Promise<string[] | undefined> {
  const { session, passwordHash, presentedId, events, mail } = beginning
  const createdAt = session.createdAt.toISOString()
  const begun = sql`exists (select 1 from begun)`
  const records = [...events.map(event => auditInsert(event, begun)), ...(mail ? [outboxInsert(mail, begun)] : [])]
  const rows = await db.execute<{ begun: string | null; ended: string | null }>(sql`
    with begun as (
      insert into sessions (id, user_id, remembered, ip_address, user_agent, created_at, last_used_at, idle_expires_at, expires_at)
      select ${session.id}::uuid, u.id, ${session.remembered}::boolean, ${session.ipAddress}::text, ${session.userAgent}::text,
        ${createdAt}::timestamptz, ${createdAt}::timestamptz, ${session.idleExpiresAt.toISOString()}::timestamptz,
        ${session.expiresAt.toISOString()}::timestamptz
      from users u where u.id = ${session.userId} and u.password_hash = ${passwordHash} and u.disabled_at is null
      for share of u
      returning id
    ), ${sql.join(
      records.map((record, i) => sql`${sql.identifier(`record_${i}`)} as (${record})`),
      sql`, `
    )}, ended as (
      update sessions set ended_at = ${createdAt}, end_reason = 'replaced'
      where id = ${presentedId ?? null} and ended_at is null and ${begun}
      returning id
    )
    select begun.id as begun, ended.id as ended from (select 1) one left join begun on true left join ended on true`)
  if (rows[0]?.begun === undefined || rows[0].begun === null) return undefined
  return rows.flatMap(row => (row.ended === null ? [] : [row.ended]))
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
