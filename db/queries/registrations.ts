/** Registrations that wait for their link, and the single-use tokens that were mailed. */

import { and, eq, gt, sql } from 'drizzle-orm'
import type { Queryable } from '../client.ts'
import { mailedTokens, registrations } from '../schema/index.ts'

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
    join registrations mine on mine.id = t.registration_id
    join registrations r on r.email = mine.email
    where t.token_hash = ${tokenHash}
    order by r.id for update of r`)
}

/** Uses up a mailed token: of any number of attempts at once, exactly one gets it. */
export async function takeMailedToken(
  db: Queryable,
  tokenHash: Uint8Array,
  purpose: MailedToken['purpose'],
  now: Date
): Promise<MailedToken | undefined> {
  const [token] = await db
    .delete(mailedTokens)
    .where(
      and(eq(mailedTokens.tokenHash, tokenHash), eq(mailedTokens.purpose, purpose), gt(mailedTokens.expiresAt, now))
    )
    .returning()
  return token
}

export async function findRegistration(db: Queryable, id: string): Promise<Registration | undefined> {
  const [registration] = await db.select().from(registrations).where(eq(registrations.id, id))
  return registration
}

/** Forgets every registration of an address, and with them their links: the address belongs to somebody now. */
export async function deleteRegistrationsOf(db: Queryable, email: string): Promise<void> {
  await db.delete(registrations).where(eq(registrations.email, email))
}
