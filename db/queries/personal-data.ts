/** Reads the stored data of a user for the export, without any secret. The user's events are read by `audit.ts`. */

import type { Queryable } from '../client.ts'
import { asc, eq, sql } from '../drizzle.ts'
import { formerAddresses, mailedTokens, outbox, registrations, sessions } from '../schema/index.ts'
import { mailsOfAccount, registrationsOfAccount } from './held-addresses.ts'
import type { Session } from './sessions.ts'

/** Every session of a user, live or ended, oldest first. */
export async function listSessionsOf(db: Queryable, userId: string): Promise<Session[]> {
  return db.select().from(sessions).where(eq(sessions.userId, userId)).orderBy(asc(sessions.id))
}

/** The email addresses that an account had before its present one, oldest first. */
export async function listFormerAddressesOf(db: Queryable, userId: string) {
  return db
    .select({ email: formerAddresses.email, until: formerAddresses.until })
    .from(formerAddresses)
    .where(eq(formerAddresses.userId, userId))
    .orderBy(asc(formerAddresses.until))
}

/** Registrations that wait at an address of an account. Their names are not read: another person may have made them. */
export async function listRegistrationsOf(db: Queryable, userId: string) {
  return db
    .select({
      email: registrations.email,
      createdAt: registrations.createdAt,
      expiresAt: registrations.expiresAt
    })
    .from(registrations)
    .where(sql`${registrations.id} = ${registrationsOfAccount(userId)}`)
    .orderBy(asc(registrations.createdAt))
}

/** Unused links that were mailed to a user, without their tokens. */
export async function listMailedTokensOf(db: Queryable, userId: string) {
  return db
    .select({
      purpose: mailedTokens.purpose,
      email: mailedTokens.email,
      createdAt: mailedTokens.createdAt,
      expiresAt: mailedTokens.expiresAt
    })
    .from(mailedTokens)
    .where(eq(mailedTokens.userId, userId))
    .orderBy(asc(mailedTokens.createdAt))
}

/**
 * Emails about an account, or to an address of it, that were not purged yet. Their tokens and the names in them are not
 * read: another person may have requested an email.
 */
export async function listMailsOf(db: Queryable, userId: string) {
  return db
    .select({
      kind: outbox.kind,
      recipient: outbox.recipient,
      createdAt: outbox.createdAt,
      sentAt: outbox.sentAt
    })
    .from(outbox)
    .where(sql`${outbox.id} = ${mailsOfAccount(userId)}`)
    .orderBy(asc(outbox.id))
}
