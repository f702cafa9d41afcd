/** Sends the emails of the outbox: claims, sends, retries, gives up. `resolve-mail.ts` decides what an email becomes. */

import { type Database, DatabaseUnavailableError } from '../../db/client.ts'
import {
  claimDueMails,
  deleteMail,
  markMailDead,
  markMailSent,
  type OutboxMail,
  postponeMail
} from '../../db/queries/outbox.ts'
import { findUserByEmail } from '../../db/queries/users.ts'
import type { SealedBox } from '../lib/crypto/sealed-box.ts'
import { unsealMailToken } from '../lib/mail/outbox-mail.ts'
import type { MailBounds } from './mail-bounds.ts'
import { type ResolvedMail, resolveMail } from './resolve-mail.ts'
import { type MailValues, renderMail } from './templates.ts'
import type { MailTransport } from './transport.ts'
import { typedTextFor } from './typed-text.ts'

/** The ports of the mail worker. */
export interface OutboxWorkerOptions {
  readonly database: Database
  readonly transport: MailTransport
  readonly box: SealedBox
  readonly publicUrl: string
  readonly bounds: MailBounds
  readonly nowMs: () => number
  readonly log: { warn(fields: object, message: string): void }
}

/** Emails claimed at a time. */
const BATCH = 10
/** The time of a claim: longer than an attempt to send, and short enough that a lost claim delays an email by a minute. */
const LEASE_MS = 60_000
/** No attempt starts later in a lease: a slow mail server might outlast it. The remaining emails are claimed again. */
const LAST_START_MS = LEASE_MS / 2
const FIRST_BACK_OFF_MS = 1_000
const LONGEST_BACK_OFF_MS = 300_000

/**
 * Creates one pass over the outbox.
 *
 * @returns a function that sends the emails that are due, and resolves to the number of claimed emails
 */
export function createOutboxPass(options: OutboxWorkerOptions): () => Promise<number> {
  const { database, nowMs } = options
  return async () => {
    const now = nowMs()
    const mails = await database.transaction(db =>
      claimDueMails(db, { now: new Date(now), leaseUntil: new Date(now + LEASE_MS), limit: BATCH })
    )
    for (const mail of await withinBounds(options, mails)) {
      if (nowMs() - now > LAST_START_MS) break
      // A failure to write the outcome of one email must not delay the others of its batch.
      await deliver(options, mail).catch(error => {
        options.log.warn(
          { mailId: mail.id, kind: mail.kind, reason: String(error) },
          'could not record the outcome of an email: retrying after its lease'
        )
      })
    }
    return mails.length
  }
}

/** The claimed emails that may be sent. Gives up those beyond a bound. */
async function withinBounds(options: OutboxWorkerOptions, mails: readonly OutboxMail[]): Promise<OutboxMail[]> {
  const allowed = await Promise.all(mails.map(mail => isWithinBound(options, mail)))
  return mails.filter((_, i) => allowed[i])
}

/** Counts an email once, when it is claimed for the first time. */
async function isWithinBound(options: OutboxWorkerOptions, mail: OutboxMail): Promise<boolean> {
  if (mail.attempts > 1 || (await options.bounds(mail))) return true
  const about = { mailId: mail.id, kind: mail.kind }
  try {
    await giveUp(options, mail, 'too many emails to this address')
    options.log.warn(about, 'gave up an email: too many of this kind to its address')
  } catch (error) {
    // The email is claimed again after its lease, and delays no other one.
    options.log.warn(
      { ...about, reason: reasonOf(error) },
      'could not give up an email beyond its bound: retrying later'
    )
  }
  return false
}

async function deliver(options: OutboxWorkerOptions, mail: OutboxMail): Promise<void> {
  const { database, nowMs, log } = options
  const now = new Date(nowMs())
  if (mail.expiresAt <= now) {
    await giveUp(options, mail, mail.lastError ?? 'expired before it was sent')
    log.warn(
      { mailId: mail.id, kind: mail.kind, attempts: mail.attempts },
      'gave up an email: it expired before it was sent'
    )
    return
  }
  try {
    const resolved = await resolveMail(options, mail)
    if (resolved) await send(options, resolved)
  } catch (error) {
    const reason = reasonOf(error)
    const dueAt = new Date(nowMs() + backOffMs(mail.attempts))
    await database.run(db => postponeMail(db, mail.id, dueAt, reason))
    log.warn(
      { mailId: mail.id, kind: mail.kind, attempts: mail.attempts, reason },
      'could not send an email: retrying later'
    )
    return
  }
  await finish(options, mail, new Date(nowMs()))
}

async function send({ database, transport, box, publicUrl }: OutboxWorkerOptions, mail: ResolvedMail): Promise<void> {
  const recipient = await database.run(db => findUserByEmail(db, mail.recipient))
  const values: MailValues = {
    typed: typedTextFor(recipient, mail),
    publicUrl,
    at: mail.createdAt,
    expiresAt: mail.expiresAt,
    ...(mail.sealedToken === null
      ? {}
      : { token: unsealMailToken(box, { id: mail.id, sealedToken: mail.sealedToken }) })
  }
  const messageId = `<${mail.id}@${new URL(publicUrl).hostname}>`
  await transport.send({ to: mail.recipient, messageId, ...renderMail(mail.kind, values) })
}

/** The last email to a deleted account leaves no trace of the email address, sent or not. */
function leavesNoTrace({ kind }: OutboxMail): boolean {
  return kind === 'account-deleted'
}

async function giveUp({ database, nowMs }: OutboxWorkerOptions, mail: OutboxMail, reason: string): Promise<void> {
  const now = new Date(nowMs())
  await database.run(db => (leavesNoTrace(mail) ? deleteMail(db, mail.id) : markMailDead(db, mail.id, now, reason)))
}

async function finish({ database }: OutboxWorkerOptions, mail: OutboxMail, now: Date): Promise<void> {
  await database.run(db => (leavesNoTrace(mail) ? deleteMail(db, mail.id) : markMailSent(db, mail.id, now)))
}

function backOffMs(attempts: number): number {
  return Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.max(0, attempts - 1))
}

/** A reason for the row and the log, without personal data: the error's code, or a fixed text. */
function reasonOf(error: unknown): string {
  if (error instanceof DatabaseUnavailableError) return 'the database is not available'
  return error instanceof Error && 'code' in error ? String(error.code) : 'failed'
}
