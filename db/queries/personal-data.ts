/** Reads everything that is stored about a person, for the export; secrets are left where they are. */

import type { Queryable } from '../client.ts'
import { and, asc, eq, gt, sql } from '../drizzle.ts'
import { auditEvents, formerAddresses, mailedTokens, outbox, registrations, sessions } from '../schema/index.ts'
import type { AuditEvent } from './audit.ts'
import { mailsOfAccount, registrationsOfAccount } from './held-addresses.ts'
import type { Session } from './sessions.ts'

/** Every session of a person, live or ended, oldest first. */
export async function listSessionsOf(db: Queryable, userId: string): Promise<Session[]> {
  return db.select().from(sessions).where(eq(sessions.userId, userId)).orderBy(asc(sessions.id))
}

/** Security events about a person, oldest first, after the event `afterId`. */
export async function listAuditEventsOf(
  db: Queryable,
  userId: string,
  afterId: string,
  limit: number
): Promise<AuditEvent[]> {
  return db
    .select()
    .from(auditEvents)
    .where(and(eq(auditEvents.userId, userId), gt(auditEvents.id, afterId)))
    .orderBy(asc(auditEvents.id))
    .limit(limit)
}

/** What a person did to other accounts as an administrator, oldest first, after the event `afterId`. */
export async function listActsOf(db: Queryable, userId: string, afterId: string, limit: number): Promise<AuditEvent[]> {
  const { id, actorId, userId: concerned } = auditEvents
  return db
    .select()
    .from(auditEvents)
    .where(and(eq(actorId, userId), sql`${concerned} is distinct from ${userId}`, gt(id, afterId)))
    .orderBy(asc(id))
    .limit(limit)
}

/** The addresses that an account had before its present one, in the order of time. */
export async function listFormerAddressesOf(db: Queryable, userId: string) {
  return db
    .select({ email: formerAddresses.email, until: formerAddresses.until })
    .from(formerAddresses)
    .where(eq(formerAddresses.userId, userId))
    .orderBy(asc(formerAddresses.until))
}

/**
 * Registrations that wait at an address of an account, without the names in them: another person may have made them.
 */
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

/** Links that were mailed to a person and are not used yet, without anything that would open them. */
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
 * Emails about an account, or to an address of it, that were not purged yet, without their tokens, and without the names
 * in them: another person may have asked for one.
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
