/** Quotas of single routes by client address: @fastify/rate-limit over the exact rule in Redis. */

import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { addressSubject } from '../../edge/contract/client-address.ts'
import type { QuotaPolicy } from '../../edge/contract/quota-policy.ts'
import { rateLimitFields, retryAfterSeconds } from '../../edge/contract/rate-limit-fields.ts'
import type { Limiter } from '../../edge/limiter/redis-limiter.ts'
import type { Config } from '../config.ts'
import { ProblemError } from '../lib/http/problem-error.ts'
import { failure } from '../lib/result.ts'

/** The limiter, and the settings of the quotas. */
export interface RouteQuotasOptions {
  readonly limiter: Limiter
  readonly quotas: Pick<Config['quotas'], 'register' | 'mailedTokens'>
  readonly nowMs: () => number
}

/** The quotas of routes: `config: { rateLimit: app.quota('register') }`. */
export type RouteQuotaName = 'register' | 'mailed-tokens'

type Policies = Readonly<Record<RouteQuotaName, QuotaPolicy>>

declare module 'fastify' {
  interface FastifyInstance {
    /** The configuration that puts a route under a quota. Requests that an earlier check refuses are not charged. */
    quota(name: RouteQuotaName): object
  }
}

/** Adds `app.quota`. */
export const routeQuotas = fp(
  async (app: FastifyInstance, { limiter, quotas, nowMs }: RouteQuotasOptions) => {
    const policies: Policies = { register: quotas.register, 'mailed-tokens': quotas.mailedTokens }
    await app.register(rateLimit, {
      global: false,
      hook: 'preHandler',
      // The store does not fail, because its limiter has a fallback. If it ever failed, requests would be refused.
      skipOnError: false,
      store: createStore(limiter, policies, nowMs),
      keyGenerator: (request: FastifyRequest) => addressSubject(request.client.address),
      addHeaders: NO_HEADERS,
      addHeadersOnExceeding: NO_HEADERS
    })
    app.decorate('quota', name => ({
      groupId: name,
      max: policies[name].quota,
      timeWindow: policies[name].windowMs,
      errorResponseBuilder: (_request: unknown, { ttl }: { ttl: number }) => refusal(name, policies[name], ttl)
    }))
  },
  { name: 'route-quotas', fastify: '5.x', dependencies: ['edge-hop', 'problems'] }
)

/** The library's own fields follow an older draft. Ours are sent with the refusal. */
const NO_HEADERS = {
  'x-ratelimit-limit': false,
  'x-ratelimit-remaining': false,
  'x-ratelimit-reset': false,
  'retry-after': false
}

function refusal(name: RouteQuotaName, policy: QuotaPolicy, retryAfterMs: number): ProblemError {
  const fields = rateLimitFields([{ name, policy, remaining: 0, retryAfterMs }])
  const known = failure('rate-limited', `the quota "${name}" is used up`, {
    retryAfterSeconds: retryAfterSeconds(retryAfterMs)
  })
  return new ProblemError(known, fields)
}

type StoreCallback = (error: Error | null, result?: { current: number; ttl: number }) => void

/** The library's store over our limiter: it asks for a count, and gets a count that leads to our decision. */
function createStore(limiter: Limiter, policies: Policies, nowMs: () => number) {
  return class LimiterStore implements FastifyRateLimitStore {
    readonly name: RouteQuotaName | undefined

    constructor(options: object) {
      this.name = (options as { groupId?: RouteQuotaName }).groupId
    }

    incr(key: string, callback: StoreCallback): void {
      const { name } = this
      if (name === undefined) throw new Error('expected the name of a quota, found none: use app.quota(name)')
      const policy = policies[name]
      // The library appends the group to the key. Our keys already name the quota.
      const subject = key.slice(0, -name.length)
      limiter
        .charge({ name, policy, subject }, nowMs)
        .then(
          ({ allowed, remaining, retryAfterMs }) =>
            callback(null, { current: allowed ? policy.quota - remaining : policy.quota + 1, ttl: retryAfterMs }),
          callback
        )
    }

    child(options: object): LimiterStore {
      return new LimiterStore(options)
    }
  }
}
