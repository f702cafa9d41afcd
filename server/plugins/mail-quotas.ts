/** Quotas by the address that a mail goes to, known or not: nobody's mailbox is flooded through us. */

import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { QuotaPolicy } from '../../edge/contract/quota-policy.ts'
import { rateLimitFields, retryAfterSeconds } from '../../edge/contract/rate-limit-fields.ts'
import type { Limiter } from '../../edge/limiter/redis-limiter.ts'
import { ProblemError } from '../lib/problem-error.ts'
import { failure } from '../lib/result.ts'

/** The quotas that a route can take from: one for each kind of mail that anybody can ask for. */
export type MailQuotaName = 'forgot-password' | 'resend-verification' | 'change-email'

export interface MailQuotasOptions {
  readonly limiter: Limiter
  readonly quotas: Readonly<Record<MailQuotaName, QuotaPolicy>>
  readonly nowMs: () => number
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Takes one mail to a canonical address from a quota.
     *
     * @throws {ProblemError} `rate-limited`, the same for an address that nobody has
     */
    takeMailQuota(name: MailQuotaName, email: string): Promise<void>
  }
}

export const mailQuotas = fp(
  async (app: FastifyInstance, { limiter, quotas, nowMs }: MailQuotasOptions) => {
    app.decorate('takeMailQuota', async (name, email) => {
      const policy = quotas[name]
      const { allowed, retryAfterMs } = await limiter.take(name, policy, mailSubject(email), nowMs())
      if (allowed) return
      const fields = rateLimitFields([{ name, policy, remaining: 0, retryAfterMs }])
      const wait = { retryAfterSeconds: retryAfterSeconds(retryAfterMs) }
      throw new ProblemError(failure('rate-limited', `the quota "${name}" of an address is used up`, wait), fields)
    })
  },
  { name: 'mail-quotas', fastify: '5.x', dependencies: ['problems'] }
)

/** Addresses do not belong into Redis; what is there names them only to somebody who knows them. */
function mailSubject(email: string): string {
  return createHash('sha256').update('mail-quota:').update(email).digest('base64url')
}
