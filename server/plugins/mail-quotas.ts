/** Quotas of the routes that mail, by the address that an email goes to, known or not, and by the account that asks. */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { QuotaPolicy } from '../../edge/contract/quota-policy.ts'
import { rateLimitFields, retryAfterSeconds } from '../../edge/contract/rate-limit-fields.ts'
import type { Limiter } from '../../edge/limiter/redis-limiter.ts'
import { ProblemError } from '../lib/http/problem-error.ts'
import { mailSubject } from '../lib/mail/mail-subject.ts'
import { failure } from '../lib/result.ts'

/** The quotas that a route can take from. By address, and `change-email-account` by the id of the account that asks. */
export type MailQuotaName = 'forgot-password' | 'resend-verification' | 'change-email' | 'change-email-account'

export interface MailQuotasOptions {
  readonly limiter: Limiter
  readonly quotas: Readonly<Record<MailQuotaName, QuotaPolicy>>
  readonly nowMs: () => number
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Takes one email from a quota.
     *
     * @param subject a canonical address, or the id of an account
     * @throws {ProblemError} `rate-limited`, the same for an address that nobody has
     */
    takeMailQuota(name: MailQuotaName, subject: string): Promise<void>
  }
}

export const mailQuotas = fp(
  async (app: FastifyInstance, { limiter, quotas, nowMs }: MailQuotasOptions) => {
    app.decorate('takeMailQuota', async (name, subject) => {
      const policy = quotas[name]
      const { allowed, retryAfterMs } = await limiter.charge({ name, policy, subject: mailSubject(subject) }, nowMs)
      if (allowed) return
      const fields = rateLimitFields([{ name, policy, remaining: 0, retryAfterMs }])
      const wait = { retryAfterSeconds: retryAfterSeconds(retryAfterMs) }
      throw new ProblemError(failure('rate-limited', `the quota "${name}" is used up`, wait), fields)
    })
  },
  { name: 'mail-quotas', fastify: '5.x', dependencies: ['problems'] }
)
