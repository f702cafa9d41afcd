/** Single-use tokens that were mailed, found by their hash. */

import type { Queryable } from '../client.ts'
import { and, eq, gt, inArray, sql } from '../drizzle.ts'
import { mailedTokens, users } from '../schema/index.ts'
import type { User } from './users.ts'

/** A row of `mailed_tokens`. */
export type MailedToken = typeof mailedTokens.$inferSelect

/** Stores a token by its hash. */
export async function insertMailedToken(db: Queryable, token: typeof mailedTokens.$inferInsert): Promise<void> {
  await db.insert(mailedTokens).values(token)
}

/**
 * Locks every registration of the email address that a mailed token is for.
 *
 * All callers lock in one order. Otherwise two links of one address that are opened at once would each wait for the
 * lock of the other.
 */
export async function lockRegistrationsOfMailedToken(db: Queryable, tokenHash: Uint8Array): Promise<void> {
  await db.execute(sql`
    select r.id from mailed_tokens t
    left join registrations mine on mine.id = t.registration_id
    join registrations r on r.email = coalesce(mine.email, t.email)
    where t.token_hash = ${tokenHash}
    order by r.id for update of r`)
}

/** Locks the user that a mailed token is for, if it is for one: after registrations, before the token. */
export async function lockUserOfMailedToken(db: Queryable, tokenHash: Uint8Array): Promise<void> {
  await db.execute(sql`
    select u.id from mailed_tokens t join users u on u.id = t.user_id
    where t.token_hash = ${tokenHash} for update of u`)
}

/** Neither expired nor of a disabled account. */
function isValid(now: Date) {
  const disabled = sql`select 1 from users u where u.id = ${mailedTokens.userId} and u.disabled_at is not null`
  return and(gt(mailedTokens.expiresAt, now), sql`not exists (${disabled})`)
}

/** Reads the user that a valid mailed token is for. The token stays unused. */
export async function findUserOfMailedToken(
  db: Queryable,
  tokenHash: Uint8Array,
  purpose: MailedToken['purpose'],
  now: Date
): Promise<User | undefined> {
  const [row] = await db
    .select({ user: users })
    .from(mailedTokens)
    .innerJoin(users, eq(users.id, mailedTokens.userId))
    .where(and(eq(mailedTokens.tokenHash, tokenHash), eq(mailedTokens.purpose, purpose), isValid(now)))
  return row?.user
}

/** Uses up a valid mailed token. Of any number of attempts at once, exactly one gets it. */
export async function consumeMailedToken(
  db: Queryable,
  tokenHash: Uint8Array,
  purposes: readonly MailedToken['purpose'][],
  now: Date
): Promise<MailedToken | undefined> {
  const [token] = await db
    .delete(mailedTokens)
    .where(and(eq(mailedTokens.tokenHash, tokenHash), inArray(mailedTokens.purpose, [...purposes]), isValid(now)))
    .returning()
  return token
}

/** Whether a mailed token can still be used: it was neither used nor made void. */
export async function isMailedTokenValid(db: Queryable, tokenHash: Uint8Array, now: Date): Promise<boolean> {
  const rows = await db
    .select({ purpose: mailedTokens.purpose })
    .from(mailedTokens)
    .where(and(eq(mailedTokens.tokenHash, tokenHash), isValid(now)))
  return rows.length === 1
}

/** Voids the unused links of these purposes that were mailed to a user. */
export async function deleteMailedTokensOf(
  db: Queryable,
  userId: string,
  purposes: readonly MailedToken['purpose'][]
): Promise<void> {
  await db
    .delete(mailedTokens)
    .where(and(eq(mailedTokens.userId, userId), inArray(mailedTokens.purpose, [...purposes])))
}
