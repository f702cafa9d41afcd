/** Reads and writes people. */

import { builtOnce } from '../built-once.ts'
import type { Queryable } from '../client.ts'
import { eq, sql } from '../drizzle.ts'
import { formerAddresses, sessions, users } from '../schema/index.ts'

export type User = typeof users.$inferSelect

/** What a login needs, in one round trip. */
export interface LoginCandidate {
  /** Whose address it is, if anybody's. */
  readonly user: User | undefined
  /** The password hash of the newest registration that waits for its link, where the address is nobody's yet. */
  readonly pendingPasswordHash: string | undefined
  /** There is a session of theirs, live or ended, that was not purged yet. */
  readonly hasSignedInBefore: boolean
}

const loginCandidate = builtOnce(db => {
  const email = sql.placeholder('email')
  const pendingPasswordHash = sql<string | null>`(
    select r.password_hash from registrations r
    where r.email = ${email} and r.expires_at > ${sql.placeholder('now')}::timestamptz
    order by r.created_at desc limit 1
  )`.as('pending')
  const hasSignedInBefore = sql<boolean>`exists (select 1 from sessions s where s.user_id = ${users.id})`.as('before')
  return db
    .select({ user: users, pendingPasswordHash, hasSignedInBefore })
    .from(sql`(select 1) as one`)
    .leftJoin(users, eq(users.email, email))
    .prepare('login-candidate')
})

/** Looks up everything that a login with `email` (canonical) can concern. */
export async function findLoginCandidate(db: Queryable, email: string, now: Date): Promise<LoginCandidate> {
  const [row] = await loginCandidate(db).execute({ email, now: now.toISOString() })
  return {
    user: row?.user ?? undefined,
    pendingPasswordHash: row?.pendingPasswordHash ?? undefined,
    hasSignedInBefore: row?.hasSignedInBefore ?? false
  }
}

const userById = builtOnce(db =>
  db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('user-by-id')
)

export async function findUser(db: Queryable, id: string): Promise<User | undefined> {
  const [user] = await userById(db).execute({ id })
  return user
}

export async function findUserByEmail(db: Queryable, email: string): Promise<User | undefined> {
  const [user] = await db.select().from(users).where(eq(users.email, email))
  return user
}

/** The owner of an address, whose row stays as it is read until the transaction ends. */
export async function holdUserByEmail(db: Queryable, email: string): Promise<User | undefined> {
  const [user] = await db.select().from(users).where(eq(users.email, email)).for('share')
  return user
}

/** @returns `undefined` where the address belongs to somebody already */
export async function insertUser(db: Queryable, user: typeof users.$inferInsert): Promise<User | undefined> {
  const [inserted] = await db.insert(users).values(user).onConflictDoNothing({ target: users.email }).returning()
  return inserted
}

export async function markEmailVerified(db: Queryable, id: string, now: Date): Promise<User | undefined> {
  const [user] = await db.update(users).set({ emailVerified: true, updatedAt: now }).where(eq(users.id, id)).returning()
  return user
}

/** @returns `undefined` where the user is gone */
export async function renameUser(db: Queryable, id: string, name: string, now: Date): Promise<User | undefined> {
  const [user] = await db.update(users).set({ name, updatedAt: now }).where(eq(users.id, id)).returning()
  return user
}

/** Replaces a hash that is weaker than today's, unless somebody has changed it meanwhile. */
export async function upgradePasswordHash(db: Queryable, id: string, from: string, to: string): Promise<void> {
  await db.update(users).set({ passwordHash: to }).where(sql`${users.id} = ${id} and ${users.passwordHash} = ${from}`)
}

/**
 * Locks a person's row until the transaction ends. What is read after it is the last word: a session that was begun
 * before is seen, and one that begins now waits.
 */
export async function lockUser(db: Queryable, id: string): Promise<User | undefined> {
  const [user] = await db.select().from(users).where(eq(users.id, id)).for('update')
  return user
}

/** Whoever sets a password with a mailed link has proven the address as well: `emailVerified` says so. */
export async function setPassword(
  db: Queryable,
  id: string,
  change: { readonly passwordHash: string; readonly emailVerified?: true },
  now: Date
): Promise<void> {
  await db
    .update(users)
    .set({ ...change, updatedAt: now })
    .where(eq(users.id, id))
}

/**
 * Changes the address of a user to one that is verified, and keeps the former one.
 *
 * @param formerId the id of the row for the former address
 * @throws a broken `users_email_key` where the new address is taken
 */
export async function changeUserEmail(
  db: Queryable,
  { id, email: former }: User,
  email: string,
  now: Date,
  formerId: string
): Promise<void> {
  await db.update(users).set({ email, emailVerified: true, updatedAt: now }).where(eq(users.id, id))
  await db.insert(formerAddresses).values({ id: formerId, userId: id, email: former, until: now })
}

/** Deletes a person, with their mailed tokens. What stays of their sessions is when they ended, and names nobody. */
export async function deleteUser(db: Queryable, id: string): Promise<void> {
  await db.update(sessions).set({ ipAddress: '', userAgent: '' }).where(eq(sessions.userId, id))
  await db.delete(users).where(eq(users.id, id))
}
