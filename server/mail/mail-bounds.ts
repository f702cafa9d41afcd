/**
 * Bounds the number of emails of each kind to one email address.
 *
 * Security: the mail worker applies these bounds, not the routes. It sees every email, and no response reveals, by its
 * content or its time, that an email is not sent.
 */

import type { OutboxMail } from '../../db/queries/outbox.ts'
import type { QuotaPolicy } from '../../edge/contract/quota-policy.ts'
import type { Limiter } from '../../edge/limiter/redis-limiter.ts'
import { mailSubject } from '../lib/mail/mail-subject.ts'
import type { MailKind } from '../lib/mail/outbox-mail.ts'

/** The limiter and the quotas of the bounds. */
export interface MailBoundsOptions {
  readonly limiter: Limiter
  readonly quotas: {
    /** Emails caused by registrations, for one recipient. */
    readonly registerMails: QuotaPolicy
    /** Notices of one kind, for one recipient. */
    readonly notices: QuotaPolicy
  }
  readonly nowMs: () => number
}

/** Counts a new email, and decides whether it may be sent. Call it once for each email, before its first attempt. */
export type MailBounds = (mail: Pick<OutboxMail, 'kind' | 'recipient'>) => Promise<boolean>

/**
 * The bound of each kind. `route`: the requesting route responds with 429 beyond its quota. `outcome`: the mail worker has
 * resolved the email from another kind, under which it was counted.
 */
const BOUNDS: Readonly<Record<MailKind, keyof MailBoundsOptions['quotas'] | 'route' | 'outcome'>> = {
  registration: 'registerMails',
  'verify-email': 'registerMails',
  'verification-requested': 'route',
  'reset-requested': 'route',
  'change-email': 'route',
  'email-change-requested': 'notices',
  'password-changed': 'notices',
  'email-changed': 'notices',
  'new-device': 'notices',
  'refresh-reused': 'notices',
  'account-attacked': 'notices',
  'account-deleted': 'notices',
  'register-again': 'outcome',
  'already-registered': 'outcome',
  'reset-password': 'outcome'
}

/** Creates the bounds. Each kind of notice has its own: a flood of one kind must not suppress a warning of another. */
export function createMailBounds({ limiter, quotas, nowMs }: MailBoundsOptions): MailBounds {
  return async ({ kind, recipient }) => {
    const bound = BOUNDS[kind as MailKind]
    if (bound === 'route' || bound === 'outcome') return true
    const name = bound === 'notices' ? `notice-${kind}` : 'register-mails'
    return (await limiter.charge({ name, policy: quotas[bound], subject: mailSubject(recipient) }, nowMs)).allowed
  }
}
