/** Registrations that wait for their link, and the single-use tokens that were mailed. */

import type { Queryable } from '../client.ts'
import { and, desc, eq, gt, inArray, sql } from '../drizzle.ts'
import { mailedTokens, registrations, users } from '../schema/index.ts'
import { registrationsOfAccount } from './held-addresses.ts'
import type { User } from './users.ts'

export type Registration = typeof registrations.$inferSelect
export type MailedToken = typeof mailedTokens.$inferSelect

export async function insertRegistration(
  db: Queryable,
  registration: typeof registrations.$inferInsert
): Promise<void> {
  await db.insert(registrations).values(registration)
}

export async function insertMailedToken(db: Queryable, token: typeof mailedTokens.$inferInsert): Promise<void> {
  await db.insert(mailedTokens).values(token)
}

/**
 * Locks every registration of the address that a mailed token is for, in one order: two links of one address that are
 * opened at once would otherwise each wait for what the other has locked.
 */
export async function lockRegistrationsBehind(db: Queryable, tokenHash: Uint8Array): Promise<void> {
  await db.execute(sql`
    select r.id from mailed_tokens t
    left join registrations mine on mine.id = t.registration_id
    join registrations r on r.email = coalesce(mine.email, t.email)
    where t.token_hash = ${tokenHash}
    order by r.id for update of r`)
}

/** Locks every registration that waits at an address of an account, in the same order. */
export async function lockRegistrationsOf(db: Queryable, userId: string): Promise<void> {
  await db
    .select({ id: registrations.id })
    .from(registrations)
    .where(sql`${registrations.id} = ${registrationsOfAccount(userId)}`)
    .orderBy(registrations.id)
    .for('update')
}

/** Locks the person that a mailed token is for, where it is for one: after registrations, before the token. */
export async function lockUserBehind(db: Queryable, tokenHash: Uint8Array): Promise<void> {
  await db.execute(sql`
    select u.id from mailed_tokens t join users u on u.id = t.user_id
    where t.token_hash = ${tokenHash} for update of u`)
}

/** Neither expired nor of a disabled account. */
function isGood(now: Date) {
  const disabled = sql`select 1 from users u where u.id = ${mailedTokens.userId} and u.disabled_at is not null`
  return and(gt(mailedTokens.expiresAt, now), sql`not exists (${disabled})`)
}

/** Whom a mailed token is for, without using it up. */
export async function findUserBehind(
  db: Queryable,
  tokenHash: Uint8Array,
  purpose: MailedToken['purpose'],
  now: Date
): Promise<User | undefined> {
  const [row] = await db
    .select({ user: users })
    .from(mailedTokens)
    .innerJoin(users, eq(users.id, mailedTokens.userId))
    .where(and(eq(mailedTokens.tokenHash, tokenHash), eq(mailedTokens.purpose, purpose), isGood(now)))
  return row?.user
}

/** Uses up a mailed token: of any number of attempts at once, exactly one gets it. */
export async function takeMailedToken(
  db: Queryable,
  tokenHash: Uint8Array,
  purposes: readonly MailedToken['purpose'][],
  now: Date
): Promise<MailedToken | undefined> {
  const [token] = await db
    .delete(mailedTokens)
    .where(and(eq(mailedTokens.tokenHash, tokenHash), inArray(mailedTokens.purpose, [...purposes]), isGood(now)))
    .returning()
  return token
}

/** Whether a mailed token could still be used: it was neither used nor made void. */
export async function isMailedTokenGood(db: Queryable, tokenHash: Uint8Array, now: Date): Promise<boolean> {
  const rows = await db
    .select({ purpose: mailedTokens.purpose })
    .from(mailedTokens)
    .where(and(eq(mailedTokens.tokenHash, tokenHash), isGood(now)))
  return rows.length === 1
}

/** Makes links void that were mailed to a person and are not used yet. */
export async function deleteMailedTokensOf(
  db: Queryable,
  userId: string,
  purposes: readonly MailedToken['purpose'][]
): Promise<void> {
  await db
    .delete(mailedTokens)
    .where(and(eq(mailedTokens.userId, userId), inArray(mailedTokens.purpose, [...purposes])))
}

/** The registrations of an address that nobody has confirmed and that were not purged yet, newest first. */
export async function findRegistrationsOf(db: Queryable, email: string): Promise<Registration[]> {
  return db
    .select()
    .from(registrations)
    .where(eq(registrations.email, email))
    .orderBy(desc(registrations.createdAt), desc(registrations.id))
}

/** Lets a registration wait for as long as the link that was mailed for it last. */
export async function extendRegistration(db: Queryable, id: string, expiresAt: Date): Promise<void> {
  await db.update(registrations).set({ expiresAt }).where(eq(registrations.id, id))
}

export async function findRegistration(db: Queryable, id: string): Promise<Registration | undefined> {
  const [registration] = await db.select().from(registrations).where(eq(registrations.id, id))
  return registration
}

/** Forgets a registration that has become an account. */
export async function deleteRegistration(db: Queryable, id: string): Promise<void> {
  await db.delete(registrations).where(eq(registrations.id, id))
}

/** Forgets every registration that waits at an address of an account, and with them their links. */
export async function deleteRegistrationsOf(db: Queryable, userId: string): Promise<void> {
  await db.delete(registrations).where(sql`${registrations.id} = ${registrationsOfAccount(userId)}`)
}
