/** Builds the rows of the outbox: the event that an email is about, and its token, sealed. */

import { createId } from '../crypto/ids.ts'
import type { SealedBox } from '../crypto/sealed-box.ts'
import { NOTICE_TTL, secondsAfter } from '../lifetimes.ts'

/**
 * Every kind of email. The mail worker decides which email a `registration`, a `verification-requested` or a
 * `reset-requested` becomes, if any. It depends on whether the email address has an account.
 */
export const MAIL_KINDS = [
  'registration',
  'verification-requested',
  'reset-requested',
  'verify-email',
  'register-again',
  'already-registered',
  'reset-password',
  'password-changed',
  'change-email',
  'email-change-requested',
  'email-changed',
  'new-device',
  'refresh-reused',
  'account-attacked',
  'account-deleted'
] as const

/** One kind of email. */
export type MailKind = (typeof MAIL_KINDS)[number]

/** An email to be sent. It has no name: the mail worker greets the recipient by the name of the account, where it may. */
export interface MailOrder {
  readonly kind: MailKind
  readonly recipient: string
  /** The account that the email is about, where it is known. */
  readonly userId?: string
  /** The User-Agent of the device that the email is about. */
  readonly device?: string
  /** The mailed token, for the kinds that carry a link. */
  readonly token?: string
  /** The email is not sent after this time. */
  readonly expiresAt: Date
}

/** A row for `outbox`. */
export function outboxMail(box: SealedBox, order: MailOrder, nowMs: number) {
  const id = createId(nowMs)
  return {
    id,
    kind: order.kind,
    recipient: order.recipient,
    parameters: order.device === undefined ? {} : { device: order.device },
    createdAt: new Date(nowMs),
    expiresAt: order.expiresAt,
    ...(order.userId === undefined ? {} : { userId: order.userId }),
    ...(order.token === undefined ? {} : { sealedToken: sealMailToken(box, id, order.token) })
  }
}

/** A row that notifies the owner of an event on the account, without a link. Without an id: the account is deleted. */
export function noticeMail(
  box: SealedBox,
  kind: MailKind,
  user: { readonly id?: string; readonly email: string },
  nowMs: number
) {
  const expiresAt = secondsAfter(new Date(nowMs), NOTICE_TTL)
  const account = user.id === undefined ? {} : { userId: user.id }
  return outboxMail(box, { kind, recipient: user.email, ...account, expiresAt }, nowMs)
}

/** Seals the token of an email, for `outbox.sealed_token`. */
export function sealMailToken(box: SealedBox, mailId: string, token: string): Buffer {
  return box.seal(Buffer.from(token), tokenLabel(mailId))
}

/** Unseals the token of an email. @throws {Error} where it was altered or its root secret is gone */
export function unsealMailToken(box: SealedBox, mail: { id: string; sealedToken: Uint8Array }): string {
  return box.unseal(mail.sealedToken, tokenLabel(mail.id)).toString()
}

function tokenLabel(mailId: string): string {
  return `outbox:${mailId}`
}
