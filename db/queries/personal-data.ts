/** Reads everything that is stored about a person, for the export; secrets are left where they are. */

import type { Queryable } from '../client.ts'
import { and, asc, eq, gt } from '../drizzle.ts'
import { auditEvents, mailedTokens, outbox, sessions } from '../schema/index.ts'
import type { AuditEvent } from './audit.ts'
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
 * Mails to an address that were not purged yet, without their tokens, and without the names in them: whoever asked for
 * one may have been somebody else.
 */
export async function listMailsTo(db: Queryable, recipient: string) {
  return db
    .select({
      kind: outbox.kind,
      recipient: outbox.recipient,
      createdAt: outbox.createdAt,
      sentAt: outbox.sentAt
    })
    .from(outbox)
    .where(eq(outbox.recipient, recipient))
    .orderBy(asc(outbox.id))
}
