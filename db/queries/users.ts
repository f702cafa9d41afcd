/** Reads, lists and changes users. What a login reads is in `login-candidate.ts`. */

import { builtOnce } from '../built-once.ts'
import type { Queryable } from '../client.ts'
import { and, desc, eq, isNull, ne, sql } from '../drizzle.ts'
import { formerAddresses, sessions, users } from '../schema/index.ts'
import { parseSearch, wordsOf } from '../schema/search.ts'

/** A row of `users`. */
export type User = typeof users.$inferSelect

/** The role of a user, and whether the account is disabled. */
export type AccountStatus = Pick<User, 'role' | 'disabledAt'>

const userById = builtOnce(db =>
  db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('user-by-id')
)

/** Reads a user. */
export async function findUser(db: Queryable, id: string): Promise<User | undefined> {
  const [user] = await userById(db).execute({ id })
  return user
}

/** Reads the user with a canonical email address. */
export async function findUserByEmail(db: Queryable, email: string): Promise<User | undefined> {
  const [user] = await db.select().from(users).where(eq(users.email, email))
  return user
}

/** Reads the user with an email address. The row cannot change until the transaction ends. */
export async function lockUserByEmail(db: Queryable, email: string): Promise<User | undefined> {
  const [user] = await db.select().from(users).where(eq(users.email, email)).for('share')
  return user
}

/**
 * Reads a user and locks the row until the transaction ends.
 *
 * Reads after it are final: they see every session that began before, and a session that begins now waits.
 */
export async function lockUser(db: Queryable, id: string): Promise<User | undefined> {
  const [user] = await db.select().from(users).where(eq(users.id, id)).for('update')
  return user
}

interface UserQuery {
  /** Each word of it has to begin a word of the name or the email address. */
  readonly search: string | undefined
  /** The last user of the page before. */
  readonly after: { readonly at: Date; readonly id: string } | undefined
  readonly limit: number
}

/** Users, newest first. A user that registers meanwhile comes before the first page and shifts no later page. */
export async function listUsers(db: Queryable, { search, after, limit }: UserQuery): Promise<User[]> {
  const words = search === undefined ? undefined : parseSearch(search)
  if (search !== undefined && words === undefined) return []
  const { createdAt, id, name, email } = users
  return db
    .select()
    .from(users)
    .where(
      and(
        words === undefined ? undefined : sql`${wordsOf(name, email)} @@ lower(${words})::tsquery`,
        after && sql`(${createdAt}, ${id}) < (${after.at.toISOString()}, ${after.id})`
      )
    )
    .orderBy(desc(createdAt), desc(id))
    .limit(limit)
}

/** Whether an administrator other than `id` exists and is not disabled. */
export async function hasOtherAdmin(db: Queryable, id: string): Promise<boolean> {
  const others = await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.role, 'admin'), isNull(users.disabledAt), ne(users.id, id)))
    .limit(1)
  return others.length === 1
}

/** @returns `undefined` where another user has the email address already */
export async function insertUser(db: Queryable, user: typeof users.$inferInsert): Promise<User | undefined> {
  const [inserted] = await db.insert(users).values(user).onConflictDoNothing({ target: users.email }).returning()
  return inserted
}

/** @returns `undefined` where the user was deleted */
export async function markEmailVerified(db: Queryable, id: string, now: Date): Promise<User | undefined> {
  return updateUser(db, id, { emailVerified: true, updatedAt: now })
}

/** @returns `undefined` where the user was deleted */
export async function renameUser(
  db: Queryable,
  id: string,
  { name, now }: { readonly name: string; readonly now: Date }
): Promise<User | undefined> {
  return updateUser(db, id, { name, updatedAt: now })
}

/** @returns `undefined` where the user was deleted */
export async function changeAccountStatus(
  db: Queryable,
  id: string,
  status: AccountStatus,
  now: Date
): Promise<User | undefined> {
  return updateUser(db, id, { ...status, updatedAt: now })
}

/** Sets `emailVerified` where the password is set with a mailed link: that link has proven the email address, too. */
export async function setPassword(
  db: Queryable,
  id: string,
  change: { readonly passwordHash: string; readonly emailVerified?: true },
  now: Date
): Promise<void> {
  await updateUser(db, id, { ...change, updatedAt: now })
}

/** Replaces a hash that is weaker than today's, unless the password was changed meanwhile. */
export async function upgradePasswordHash(
  db: Queryable,
  id: string,
  { from, to }: { readonly from: string; readonly to: string }
): Promise<void> {
  await db
    .update(users)
    .set({ passwordHash: to })
    .where(and(eq(users.id, id), eq(users.passwordHash, from)))
}

interface UserEmailChange {
  readonly email: string
  readonly now: Date
  /** The id of the row that keeps the former address. */
  readonly formerId: string
}

/**
 * Changes the email address of a user to a verified one, and keeps the former one.
 *
 * @throws a broken `users_email_key` where another user has the new address
 */
export async function changeUserEmail(
  db: Queryable,
  { id, email: former }: User,
  { email, now, formerId }: UserEmailChange
): Promise<void> {
  await updateUser(db, id, { email, emailVerified: true, updatedAt: now })
  await db.insert(formerAddresses).values({ id: formerId, userId: id, email: former, until: now })
}

/** Deletes a user with the mailed tokens. Of the sessions only the times stay, without address and device. */
export async function deleteUser(db: Queryable, id: string): Promise<void> {
  await db.update(sessions).set({ ipAddress: '', userAgent: '' }).where(eq(sessions.userId, id))
  await db.delete(users).where(eq(users.id, id))
}

async function updateUser(db: Queryable, id: string, change: Partial<Omit<User, 'id'>>): Promise<User | undefined> {
  const [user] = await db.update(users).set(change).where(eq(users.id, id)).returning()
  return user
}
