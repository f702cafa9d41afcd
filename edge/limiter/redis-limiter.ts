/** The limiter of the origin: asks Redis for each request, and charges a stricter quota in memory where Redis fails. */

import type { QuotaPolicy } from '../contract/quota-policy.ts'
import { createCircuitBreaker } from '../store/circuit-breaker.ts'
import { REDIS_DEADLINE_MS, type Redis } from '../store/open-redis.ts'
import { runScript, StoreError } from '../store/run-scripts.ts'
import { bucketKey, type Charge } from './charge.ts'
import { createFallbackQuotas } from './fallback-quotas.ts'
import { parseGrant, quotaCall } from './quota-call.ts'
import { type Ask, type Decision, decisionOf, ONE } from './sliced-window.ts'

/** A decision and its source: Redis, or the fallback quota of this process. */
export interface LimiterDecision extends Decision {
  readonly from: 'store' | 'fallback'
}

/** Charges single requests, without leases. */
export interface Limiter {
  /**
   * Debits one request. Never throws because of Redis.
   *
   * @param nowMs the clock, which is read again after Redis has answered
   */
  charge(charge: Charge, nowMs: () => number): Promise<LimiterDecision>
}

/** The ports and bounds of a limiter. */
export interface RedisLimiterOptions {
  readonly redis: Redis
  /** The share of a quota that one instance grants while Redis is away: 0.1 is a tenth, at least one request. */
  readonly fallbackShare: number
  /** The most recent subjects that the fallback quota never forgets; at most twice as many are in memory. */
  readonly maxFallbackSubjects: number
  /** How long after a failure Redis is not called, so that not every request waits for its deadline. */
  readonly breakerResetMs: number
  readonly onStoreFailure: (error: StoreError) => void
}

/**
 * Creates the limiter. One per process or isolate.
 *
 * The bound, while Redis is slow, loses answers, or comes and goes: in any window one process admits no more than the
 * quota by its own count, and `n` processes admit together no more than
 *
 *     min(n × quota, quota + n × fallback)      with fallback = max(1, floor(fallbackShare × quota))
 *
 * because Redis grants the quota once, and a process admits without Redis only while everything that it has admitted in
 * the window, by Redis or without, is less than `fallback`. A debit whose answer came too late only refuses more. A
 * process forgets its count of a subject only after requests of `maxFallbackSubjects` other subjects.
 */
export function createRedisLimiter(options: RedisLimiterOptions): Limiter {
  const fallback = createFallbackQuotas({ share: options.fallbackShare, maxSubjects: options.maxFallbackSubjects })
  const breaker = createCircuitBreaker(options.breakerResetMs)

  /** Undefined where Redis failed. */
  async function askRedis(key: string, policy: QuotaPolicy, nowMs: () => number): Promise<Decision | undefined> {
    try {
      const reply = await runScript(options.redis, quotaCall(key, policy, ASK))
      const { grant } = parseGrant(reply, policy, ASK)
      breaker.succeeded()
      return decisionOf(grant)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      breaker.failed(nowMs())
      options.onStoreFailure(error)
      return undefined
    }
  }

  return {
    async charge(charge, nowMs) {
      const { policy } = charge
      const key = bucketKey(charge)
      // The probe of an open breaker waits for Redis; requests that come meanwhile do not.
      const decision = breaker.allowsCall(nowMs()) ? await askRedis(key, policy, nowMs) : undefined
      if (decision === undefined) return { ...fallback.charge(key, policy, nowMs()), from: 'fallback' }
      const overdrawn = decision.allowed ? fallback.count(key, policy, nowMs()) : undefined
      return overdrawn ? { ...overdrawn, from: 'fallback' } : { ...decision, from: 'store' }
    }
  }
}

/** The lease of one request lives as long as Redis may take to answer: by then the request has passed. */
const ASK: Ask = { ...ONE, lifeMs: REDIS_DEADLINE_MS }
