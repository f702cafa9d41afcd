/** Reads and refreshes sessions. A refresh is one statement. Their beginnings and ends have files of their own. */

import { builtOnce } from '../built-once.ts'
import type { Queryable } from '../client.ts'
import { and, desc, eq, gt, isNull, sql } from '../drizzle.ts'
import { sessions, users } from '../schema/index.ts'
import type { User } from './users.ts'

/** A row of `sessions`. */
export type Session = typeof sessions.$inferSelect

/** A session and its user. */
export interface OwnedSession {
  readonly session: Session
  readonly user: User
}

/** A presented refresh token, and the time limits of the refresh rule. */
interface Presentation {
  readonly sessionId: string
  /** The counter of the token that was presented. */
  readonly counter: number
  readonly now: Date
  /** A current token that was created after this is young. */
  readonly youngSince: Date
  /** The session must not expire before this. */
  readonly lastsUntil: Date
  /** The new idle limits. The statement caps them at the end of the session. */
  readonly idleExpiresAt: Date
  readonly rememberedIdleExpiresAt: Date
}

/** The parameters of the statement, by name. */
const given = {
  sessionId: sql.placeholder('sessionId'),
  counter: sql`${sql.placeholder('counter')}::integer`,
  now: sql`${sql.placeholder('now')}::timestamptz`,
  youngSince: sql`${sql.placeholder('youngSince')}::timestamptz`,
  lastsUntil: sql`${sql.placeholder('lastsUntil')}::timestamptz`,
  idle: sql`case when ${sessions.remembered} then ${sql.placeholder('rememberedIdleExpiresAt')}::timestamptz
    else ${sql.placeholder('idleExpiresAt')}::timestamptz end`
}

const isYoung = sql`coalesce(${sessions.rotatedAt} > ${given.youngSince}, false)`
const isCurrent = sql`${sessions.refreshCounter} = ${given.counter}`
const rotates = sql`(${isCurrent} and not ${isYoung})`
/** The predecessor of a token that may never have arrived. The token is handed out as if it had just been created. */
const handsOutAgain = sql`(not ${isCurrent} and not ${sessions.refreshConfirmed})`
/** Late handouts that a session keeps. They are a minute apart at least, so together they outlast an access token. */
const MAX_LATE_HANDOUTS = 16
/** Dated by the clock of the origin, which also dates the access tokens that a handout is compared with. */
const thisHandout = sql`jsonb_build_array(jsonb_build_array(${sessions.refreshCounter},
  floor(extract(epoch from ${given.now}) * 1000)::bigint))`

// The SQL twin of `server/features/sessions/refresh-rule.ts`. A test compares the two.
const present = builtOnce(db =>
  db
    .update(sessions)
    .set({
      refreshCounter: sql`case when ${rotates} then ${given.counter} + 1 else ${sessions.refreshCounter} end`,
      refreshConfirmed: sql`not ${rotates} and (${isCurrent} or ${sessions.refreshConfirmed})`,
      // Security: the clock at execution. A delayed statement must not make its own client look late, like a thief.
      rotatedAt: sql`case when ${rotates} or ${handsOutAgain} then greatest(${given.now}, clock_timestamp())
        else ${sessions.rotatedAt} end`,
      lateHandouts: sql`case when ${handsOutAgain} and not ${isYoung} then jsonb_path_query_array(
        ${thisHandout} || ${sessions.lateHandouts}, ${sql.raw(`'$[0 to ${MAX_LATE_HANDOUTS - 1}]'`)})
        else ${sessions.lateHandouts} end`,
      lastUsedAt: given.now,
      idleExpiresAt: sql`least(${given.idle}, ${sessions.expiresAt})`
    })
    .from(users)
    .where(
      and(
        eq(sessions.id, given.sessionId),
        sql`(${isCurrent} or (${sessions.refreshCounter} = ${given.counter} + 1 and (${isYoung} or not ${sessions.refreshConfirmed})))`,
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, given.lastsUntil),
        gt(sessions.idleExpiresAt, given.now),
        eq(users.id, sessions.userId),
        isNull(users.disabledAt)
      )
    )
    .returning({ session: sessions, user: users })
    .prepare('present-refresh-token')
)

/**
 * Presents a refresh token: keeps the current one, rotates it, or accepts its predecessor, in one statement.
 *
 * @returns the session with its current token, or `undefined` if the presented token is not accepted
 */
export async function presentRefreshToken(db: Queryable, token: Presentation): Promise<OwnedSession | undefined> {
  const [row] = await present(db).execute({
    sessionId: token.sessionId,
    counter: token.counter,
    now: token.now.toISOString(),
    youngSince: token.youngSince.toISOString(),
    lastsUntil: token.lastsUntil.toISOString(),
    idleExpiresAt: token.idleExpiresAt.toISOString(),
    rememberedIdleExpiresAt: token.rememberedIdleExpiresAt.toISOString()
  })
  return row
}

/** A seen access token: its session, the counter of the refresh token issued with it, and its time of issue. */
export interface SeenToken {
  readonly sessionId: string
  readonly counter: number
  readonly issuedAt: Date
}

/**
 * Confirms the refresh tokens that were issued with these access tokens, if they are still the current ones.
 *
 * @param maxTripMs an access token that is older than a late handout of its counter by more than this was stolen
 * @returns the ids of the sessions of stolen tokens; their refresh tokens are not confirmed
 */
export async function confirmRefreshTokens(
  db: Queryable,
  seen: readonly SeenToken[],
  maxTripMs: number
): Promise<string[]> {
  const rows = JSON.stringify(seen.map(one => ({ id: one.sessionId, counter: one.counter, issued_ms: +one.issuedAt })))
  // Locked in one order, so that two origins that confirm at once do not deadlock.
  const stolen = await db.execute<{ id: string }>(sql`
    with sighted as (
      select s.id, lost.is_stolen from sessions s
      join jsonb_to_recordset(${rows}::jsonb) as seen(id uuid, counter integer, issued_ms bigint) on seen.id = s.id
      cross join lateral (select exists (
        select 1 from jsonb_array_elements(s.late_handouts) late
        where (late->>0)::bigint = seen.counter and seen.issued_ms < (late->>1)::bigint - ${maxTripMs}::bigint
      ) as is_stolen) lost
      where s.ended_at is null
        and (lost.is_stolen or (s.refresh_counter = seen.counter and not s.refresh_confirmed))
      order by s.id for no key update of s),
    confirmed as (
      update sessions set refresh_confirmed = true from sighted where sessions.id = sighted.id and not sighted.is_stolen)
    select distinct id from sighted where is_stolen`)
  return [...stolen].map(({ id }) => id)
}

/** Reads a session, live or ended, with its user. */
export async function findOwnedSession(db: Queryable, id: string): Promise<OwnedSession | undefined> {
  const [row] = await db
    .select({ session: sessions, user: users })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.id, id))
  return row
}

/** The sessions of a user that could be refreshed now, most recently used first. */
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

/** Whether a session exists and has not ended. Its time limits are not checked: the access token has its own. */
export async function isSessionLive(db: Queryable, id: string): Promise<boolean> {
  const rows = await liveSession(db).execute({ id })
  return rows.length === 1
}
