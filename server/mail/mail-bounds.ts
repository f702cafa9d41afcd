/**
 * Bounds how many emails of each kind go to one address, whatever causes them. The mail worker asks, not the routes: one
 * place sees every email, and neither an answer nor its time tells that one is not sent.
 */

import type { OutboxMail } from '../../db/queries/outbox.ts'
import type { QuotaPolicy } from '../../edge/contract/quota-policy.ts'
import type { Limiter } from '../../edge/limiter/redis-limiter.ts'
import { mailSubject } from '../lib/mail/mail-subject.ts'
import type { MailKind } from '../lib/mail/outbox-mail.ts'

export interface MailBoundsOptions {
  readonly limiter: Limiter
  readonly quotas: {
    /** Emails that registrations cause, for one address. */
    readonly registerMails: QuotaPolicy
    /** Notices of one kind, for one address. */
    readonly notices: QuotaPolicy
  }
  readonly nowMs: () => number
}

/** Whether an email may be sent that was never tried before. Counts it. */
export type MailBounds = (mail: Pick<OutboxMail, 'kind' | 'recipient'>) => Promise<boolean>

/**
 * What bounds each kind. `route`: the route that asks for it answers 429 beyond its quota. `outcome`: what the mail worker
 * makes of another kind, which was counted as that one.
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

/** Each kind of notice counts by itself: junk of one kind must not keep back a warning of another. */
export function createMailBounds({ limiter, quotas, nowMs }: MailBoundsOptions): MailBounds {
  return async ({ kind, recipient }) => {
    const bound = BOUNDS[kind as MailKind]
    if (bound === 'route' || bound === 'outcome') return true
    const name = bound === 'notices' ? `notice-${kind}` : 'register-mails'
    return (await limiter.charge({ name, policy: quotas[bound], subject: mailSubject(recipient) }, nowMs)).allowed
  }
}
