/** The outbox: emails to send, each claimed by one worker at a time. */

import type { SQL } from 'drizzle-orm'
import type { Queryable } from '../client.ts'
import { and, eq, inArray, isNull, lte, sql } from '../drizzle.ts'
import { outbox, users } from '../schema/index.ts'
import { mailsOfAccount } from './held-addresses.ts'

/** A row of `outbox`. */
export type OutboxMail = typeof outbox.$inferSelect

/** An email to write. */
export type NewOutboxMail = Pick<OutboxMail, 'id' | 'kind' | 'recipient' | 'parameters' | 'createdAt' | 'expiresAt'> & {
  readonly sealedToken?: Uint8Array
  /** The account that the email is about. */
  readonly userId?: string
}

/** Writes an email, unless its account was deleted meanwhile: the email would outlive the account. */
export async function insertOutboxMail(db: Queryable, mail: NewOutboxMail): Promise<void> {
  if (mail.userId !== undefined) {
    const [user] = await db.select({ id: users.id }).from(users).where(eq(users.id, mail.userId)).for('key share')
    if (user === undefined) return
  }
  await db.insert(outbox).values({ ...mail, dueAt: mail.createdAt })
}

/**
 * The same insert as a part of a larger statement, for an email without a token. Inserts only where `onlyIf` holds.
 *
 * @param prefix of its parameters' names, as given to `outboxValues`
 */
export function outboxInsert(prefix: string, onlyIf: SQL): SQL {
  const given = (name: keyof NewOutboxMail) => sql.placeholder(prefix + name)
  const createdAt = sql`${given('createdAt')}::timestamptz`
  return sql`insert into outbox (id, kind, recipient, user_id, parameters, created_at, due_at, expires_at)
    select ${given('id')}::uuid, ${given('kind')}::text, ${given('recipient')}::text, ${given('userId')}::uuid,
      ${given('parameters')}::jsonb,
      ${createdAt}, ${createdAt}, ${given('expiresAt')}::timestamptz
    where ${onlyIf}`
}

/** The parameters of `outboxInsert`. */
export function outboxValues(prefix: string, mail: NewOutboxMail): Record<string, unknown> {
  const values = {
    ...mail,
    userId: mail.userId ?? null,
    parameters: JSON.stringify(mail.parameters),
    createdAt: mail.createdAt.toISOString(),
    expiresAt: mail.expiresAt.toISOString()
  }
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]))
}

interface MailClaim {
  readonly now: Date
  readonly leaseUntil: Date
  readonly limit: number
}

/**
 * Claims emails that are due, until `leaseUntil`. If their worker dies, another one may claim them after that time.
 *
 * `SKIP LOCKED` lets any number of workers claim at once without waiting for each other.
 */
export async function claimDueMails(db: Queryable, { now, leaseUntil, limit }: MailClaim): Promise<OutboxMail[]> {
  const due = db
    .select({ id: outbox.id })
    .from(outbox)
    .where(and(lte(outbox.dueAt, now), isNull(outbox.sentAt), isNull(outbox.deadAt)))
    .orderBy(outbox.dueAt)
    .limit(limit)
    .for('update', { skipLocked: true })
  return db
    .update(outbox)
    .set({ dueAt: leaseUntil, attempts: sql`${outbox.attempts} + 1` })
    .where(inArray(outbox.id, due))
    .returning()
}

/** Whether an email was neither sent nor given up meanwhile. */
export async function isMailOpen(db: Queryable, id: string): Promise<boolean> {
  const rows = await db
    .select({ id: outbox.id })
    .from(outbox)
    .where(and(eq(outbox.id, id), isNull(outbox.sentAt), isNull(outbox.deadAt)))
  return rows.length === 1
}

/** Marks an email as sent, and wipes its token and parameters. An email with a void link stays dead. */
export async function markMailSent(db: Queryable, id: string, now: Date): Promise<void> {
  await db
    .update(outbox)
    .set({ sentAt: now, sealedToken: null, parameters: {} })
    .where(and(eq(outbox.id, id), isNull(outbox.deadAt)))
}

/** Gives an email up, and wipes its token and parameters. */
export async function markMailDead(db: Queryable, id: string, now: Date, lastError: string): Promise<void> {
  await db.update(outbox).set({ deadAt: now, sealedToken: null, parameters: {}, lastError }).where(eq(outbox.id, id))
}

/** Postpones an email after a failure. */
export async function postponeMail(db: Queryable, id: string, dueAt: Date, lastError: string): Promise<void> {
  await db.update(outbox).set({ dueAt, lastError }).where(eq(outbox.id, id))
}

/** Resolves a request into an email, so that every attempt sends the same one. Only the first attempt succeeds. */
export async function decideMail(
  db: Queryable,
  mail: Pick<OutboxMail, 'id' | 'kind'>,
  decision: Pick<OutboxMail, 'kind' | 'parameters' | 'sealedToken' | 'userId'>
): Promise<OutboxMail | undefined> {
  const [decided] = await db
    .update(outbox)
    .set(decision)
    .where(and(eq(outbox.id, mail.id), eq(outbox.kind, mail.kind)))
    .returning()
  return decided
}

/** Deletes an email. */
export async function deleteMail(db: Queryable, id: string): Promise<void> {
  await db.delete(outbox).where(eq(outbox.id, id))
}

/** Deletes every email about an account or to an address of it, sent or not. */
export async function deleteMailsOf(db: Queryable, userId: string): Promise<void> {
  await db.delete(outbox).where(sql`${outbox.id} = ${mailsOfAccount(userId)}`)
}
