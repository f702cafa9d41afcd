/** Quotas of single routes by client address: @fastify/rate-limit in front, our exact rule in Redis behind. */

import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { addressSubject } from '../../edge/contract/client-address.ts'
import type { QuotaPolicy } from '../../edge/contract/quota-policy.ts'
import { rateLimitFields, retryAfterSeconds } from '../../edge/contract/rate-limit-fields.ts'
import type { Limiter } from '../../edge/limiter/redis-limiter.ts'
import { ProblemError } from '../lib/http/problem-error.ts'
import { failure } from '../lib/result.ts'

export interface RouteQuotasOptions {
  readonly limiter: Limiter
  readonly quotas: Readonly<Record<RouteQuotaName, QuotaPolicy>>
  readonly nowMs: () => number
}

/** The quotas that a route can ask for: `config: { rateLimit: app.quota('register') }`. */
export type RouteQuotaName = 'register' | 'mailed-tokens'

declare module 'fastify' {
  interface FastifyInstance {
    /** The configuration that puts a route under a quota. It counts requests that have passed every check before. */
    quota(name: RouteQuotaName): object
  }
}

export const routeQuotas = fp(
  async (app: FastifyInstance, { limiter, quotas, nowMs }: RouteQuotasOptions) => {
    await app.register(rateLimit, {
      global: false,
      hook: 'preHandler',
      // The store never fails: its limiter falls back to a floor. This is for the day it does.
      skipOnError: false,
      store: createStore(limiter, quotas, nowMs),
      keyGenerator: (request: FastifyRequest) => addressSubject(request.client.address),
      addHeaders: NO_HEADERS,
      addHeadersOnExceeding: NO_HEADERS
    })
    app.decorate('quota', name => ({
      groupId: name,
      max: quotas[name].quota,
      timeWindow: quotas[name].windowMs,
      errorResponseBuilder: (_request: unknown, { ttl }: { ttl: number }) => refusal(name, quotas[name], ttl)
    }))
  },
  { name: 'route-quotas', fastify: '5.x', dependencies: ['edge-hop', 'problems'] }
)

/** The library's own fields are of an older draft; ours go with the refusal. */
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

/** The library's idea of a store, over our limiter: it asks for a count and gets one that fits our decision. */
function createStore(limiter: Limiter, quotas: RouteQuotasOptions['quotas'], nowMs: () => number) {
  return class LimiterStore implements FastifyRateLimitStore {
    readonly name: RouteQuotaName | undefined

    constructor(options: object) {
      this.name = (options as { groupId?: RouteQuotaName }).groupId
    }

    incr(key: string, callback: StoreCallback): void {
      const { name } = this
      if (name === undefined) throw new Error('a quota without a name: use app.quota(name)')
      const policy = quotas[name]
      // The library appends the group to the key; our keys name the quota themselves.
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
