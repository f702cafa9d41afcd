/** The limiter of the origin: asks Redis for each request, and falls back to a stricter quota in memory where Redis fails. */

import type { QuotaPolicy } from '../contract/quota-policy.ts'
import { quotaKey } from '../contract/redis-keys.ts'
import { REDIS_DEADLINE_MS, type Redis } from '../store/open-redis.ts'
import { runScript, StoreError } from '../store/run-scripts.ts'
import { createFallbackQuotas } from './fallback-quotas.ts'
import { parseGrant, quotaCall } from './quota-call.ts'
import { type Ask, type Decision, decisionOf, ONE } from './sliced-window.ts'

/** A decision and who made it: `floor` is the memory of this process. */
export interface LimiterDecision extends Decision {
  readonly from: 'store' | 'floor'
}

export interface Limiter {
  /** Debits one request of `subject` under the quota `name`. Never throws. */
  charge(name: string, policy: QuotaPolicy, subject: string, nowMs: number): Promise<LimiterDecision>
}

export interface RedisLimiterOptions {
  readonly redis: Redis
  /** What of a quota one instance still grants while Redis is away: 0.1 is a tenth, at least one request. */
  readonly fallbackShare: number
  /** Subjects remembered by the floor; beyond it the oldest is forgotten. */
  readonly maxFallbackSubjects: number
  /** How long Redis is left alone after it failed, so that not every request waits for its deadline. */
  readonly breakerResetMs: number
  readonly onStoreFailure: (error: StoreError) => void
}

/**
 * Creates the limiter. One per process or isolate.
 *
 * The bound, while Redis is slow, loses answers, or comes and goes: in any window one process admits no more than the quota
 * by its own count, and `n` processes admit together no more than
 *
 *     min(n × quota, quota + n × fallback)      with fallback = max(1, floor(floorShare × quota))
 *
 * because Redis grants the quota once, and a process admits without Redis only while everything that it has admitted in the
 * window, by Redis or without, is less than `fallback`. What Redis has counted and could not say in time only refuses more.
 * A process forgets its count of a subject beyond `floorSubjects` other ones.
 */
export function createRedisLimiter(options: RedisLimiterOptions): Limiter {
  const floor = createFallbackQuotas({ share: options.fallbackShare, maxSubjects: options.maxFallbackSubjects })
  let failedAtMs: number | undefined
  // Either way round: a clock that was set back must not keep us away from Redis until it has caught up.
  const isLeftAlone = (nowMs: number) =>
    failedAtMs !== undefined && Math.abs(nowMs - failedAtMs) < options.breakerResetMs

  return {
    async charge(name, policy, subject, nowMs) {
      const key = quotaKey(name, subject, policy.sliceMs)
      if (!isLeftAlone(nowMs)) {
        // After a failure one request finds out whether Redis is back; those that come meanwhile do not wait with it.
        if (failedAtMs !== undefined) failedAtMs = nowMs
        try {
          const decision = await decideInRedis(options.redis, key, policy)
          failedAtMs = undefined
          const overdrawn = decision.allowed ? floor.count(key, policy, nowMs) : undefined
          return overdrawn ? { ...overdrawn, from: 'floor' } : { ...decision, from: 'store' }
        } catch (error) {
          if (!(error instanceof StoreError)) throw error
          failedAtMs = nowMs
          options.onStoreFailure(error)
        }
      }
      return { ...floor.charge(key, policy, nowMs), from: 'floor' }
    }
  }
}

/** The lease of one request lives as long as Redis may take to answer: by then the request has passed. */
const ASK: Ask = { ...ONE, lifeMs: REDIS_DEADLINE_MS }

async function decideInRedis(redis: Redis, key: string, policy: QuotaPolicy): Promise<Decision> {
  return decisionOf(parseGrant(await runScript(redis, quotaCall(key, policy, ASK)), policy, ASK).grant)
}
