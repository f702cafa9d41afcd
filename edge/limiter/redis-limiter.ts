/** The limiter of edge and origin: asks Redis, and falls back to a stricter floor in memory where Redis fails. */

import type { QuotaPolicy } from '../contract/policies.ts'
import { quotaKey } from '../contract/redis-keys.ts'
import type { Redis } from '../store/open-redis.ts'
import { runScript, StoreError } from '../store/run-script.ts'
import { createFloor } from './floor.ts'
import { slicedWindowScript } from './script.ts'
import type { Decision } from './sliced-window.ts'

/** A decision and who made it: `floor` means that Redis could not be asked. */
export interface Verdict extends Decision {
  readonly from: 'store' | 'floor'
}

export interface Limiter {
  /** Debits one request of `subject` under the quota `name`. Never throws. */
  take(name: string, policy: QuotaPolicy, subject: string, nowMs: number): Promise<Verdict>
}

export interface RedisLimiterOptions {
  readonly redis: Redis
  /** What of a quota one instance still grants while Redis is away: 0.1 is a tenth, at least one request. */
  readonly floorShare: number
  /** Subjects remembered by the floor; beyond it the oldest is forgotten. */
  readonly floorSubjects: number
  /** How long Redis is left alone after it failed, so that not every request waits for its deadline. */
  readonly backOffMs: number
  readonly onStoreFailure: (error: StoreError) => void
}

/** Creates the limiter. One per process or isolate: the floor counts what this instance has seen. */
export function createRedisLimiter(options: RedisLimiterOptions): Limiter {
  const floor = createFloor({ share: options.floorShare, maxSubjects: options.floorSubjects })
  let failedAtMs: number | undefined
  // Either way round: a clock that was set back must not keep us away from Redis until it has caught up.
  const isLeftAlone = (nowMs: number) => failedAtMs !== undefined && Math.abs(nowMs - failedAtMs) < options.backOffMs

  return {
    async take(name, policy, subject, nowMs) {
      const key = quotaKey(name, subject, policy.sliceMs)
      if (!isLeftAlone(nowMs)) {
        // After a failure one request finds out whether Redis is back; those that come meanwhile do not wait with it.
        if (failedAtMs !== undefined) failedAtMs = nowMs
        try {
          const decision = await decideInRedis(options.redis, key, policy)
          failedAtMs = undefined
          return { ...decision, from: 'store' }
        } catch (error) {
          if (!(error instanceof StoreError)) throw error
          failedAtMs = nowMs
          options.onStoreFailure(error)
        }
      }
      return { ...floor.take(key, policy, nowMs), from: 'floor' }
    }
  }
}

async function decideInRedis(redis: Redis, key: string, policy: QuotaPolicy): Promise<Decision> {
  const args = [policy.quota, policy.windowMs, policy.sliceMs, 1, '']
  return parseDecision(await runScript(redis, slicedWindowScript, [key], args), policy)
}

/** Nothing is converted: `Number(true)` is 1 and `Number(null)` is 0, and nonsense must not read as "allowed". */
function parseDecision(reply: unknown, { quota }: QuotaPolicy): Decision {
  const [allowed, remaining, retryAfterMs, ...more] = Array.isArray(reply) ? (reply as unknown[]) : []
  const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
  if (isWhole(remaining) && isWhole(retryAfterMs) && more.length === 0) {
    if (allowed === 1 && remaining < quota && retryAfterMs === 0) return { allowed: true, remaining, retryAfterMs }
    if (allowed === 0 && remaining < quota && retryAfterMs > 0) return { allowed: false, remaining, retryAfterMs }
  }
  throw new StoreError('Redis answered the quota script with something that is no decision')
}
