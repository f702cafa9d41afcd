/** Registrations that wait for their link to be opened. */

import type { Queryable } from '../client.ts'
import { desc, eq, sql } from '../drizzle.ts'
import { registrations } from '../schema/index.ts'
import { registrationsOfAccount } from './held-addresses.ts'

/** A row of `registrations`. */
export type Registration = typeof registrations.$inferSelect

/** Stores a registration. */
export async function insertRegistration(
  db: Queryable,
  registration: typeof registrations.$inferInsert
): Promise<void> {
  await db.insert(registrations).values(registration)
}

/** Reads a registration, expired or not. */
export async function findRegistration(db: Queryable, id: string): Promise<Registration | undefined> {
  const [registration] = await db.select().from(registrations).where(eq(registrations.id, id))
  return registration
}

/** The unconfirmed registrations of an email address that were not purged yet, newest first. */
export async function findRegistrationsByEmail(db: Queryable, email: string): Promise<Registration[]> {
  return db
    .select()
    .from(registrations)
    .where(eq(registrations.email, email))
    .orderBy(desc(registrations.createdAt), desc(registrations.id))
}

/** Locks every registration that waits at an address of an account, in the order of `lockRegistrationsOfMailedToken`. */
export async function lockRegistrationsOf(db: Queryable, userId: string): Promise<void> {
  await db
    .select({ id: registrations.id })
    .from(registrations)
    .where(sql`${registrations.id} = ${registrationsOfAccount(userId)}`)
    .orderBy(registrations.id)
    .for('update')
}

/** Sets the time at which a registration expires: that of the last link that was mailed for it. */
export async function extendRegistration(db: Queryable, id: string, expiresAt: Date): Promise<void> {
  await db.update(registrations).set({ expiresAt }).where(eq(registrations.id, id))
}

/** Deletes a registration that has become an account. */
export async function deleteRegistration(db: Queryable, id: string): Promise<void> {
  await db.delete(registrations).where(eq(registrations.id, id))
}

/** Deletes every registration that waits at an address of an account, and with them their links. */
export async function deleteRegistrationsOf(db: Queryable, userId: string): Promise<void> {
  await db.delete(registrations).where(sql`${registrations.id} = ${registrationsOfAccount(userId)}`)
}
