/** Quotas of the routes that cause emails: by the recipient's email address, known or not, and by the calling account. */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { QuotaPolicy } from '../../edge/contract/quota-policy.ts'
import { rateLimitFields, retryAfterSeconds } from '../../edge/contract/rate-limit-fields.ts'
import type { Limiter } from '../../edge/limiter/redis-limiter.ts'
import type { Config } from '../config.ts'
import { ProblemError } from '../lib/http/problem-error.ts'
import { mailSubject } from '../lib/mail/mail-subject.ts'
import { failure } from '../lib/result.ts'

/** The quotas that a route can charge: by email address, and `change-email-account` by the id of the account. */
export type MailQuotaName = 'forgot-password' | 'resend-verification' | 'change-email' | 'change-email-account'

/** The limiter, and the settings of the quotas. */
export interface MailQuotasOptions {
  readonly limiter: Limiter
  readonly quotas: Pick<Config['quotas'], 'forgotPassword' | 'resendVerification' | 'changeEmail'>
  readonly nowMs: () => number
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Charges one email to a quota.
     *
     * @param subject a canonical email address, or the id of an account
     * @throws {ProblemError} `rate-limited`, for known and unknown email addresses alike
     */
    chargeMailQuota(name: MailQuotaName, subject: string): Promise<void>
  }
}

/** Adds `app.chargeMailQuota`. */
export const mailQuotas = fp(
  async (app: FastifyInstance, { limiter, quotas, nowMs }: MailQuotasOptions) => {
    const policies: Readonly<Record<MailQuotaName, QuotaPolicy>> = {
      'forgot-password': quotas.forgotPassword,
      'resend-verification': quotas.resendVerification,
      'change-email': quotas.resendVerification,
      'change-email-account': quotas.changeEmail
    }
    app.decorate('chargeMailQuota', async (name, subject) => {
      const policy = policies[name]
      const { allowed, retryAfterMs } = await limiter.charge({ name, policy, subject: mailSubject(subject) }, nowMs)
      if (allowed) return
      const fields = rateLimitFields([{ name, policy, remaining: 0, retryAfterMs }])
      const wait = { retryAfterSeconds: retryAfterSeconds(retryAfterMs) }
      throw new ProblemError(failure('rate-limited', `the quota "${name}" is used up`, wait), fields)
    })
  },
  { name: 'mail-quotas', fastify: '5.x', dependencies: ['problems'] }
)
