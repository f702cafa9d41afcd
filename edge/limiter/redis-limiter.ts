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
  let leaveAloneUntilMs = Number.NEGATIVE_INFINITY

  return {
    async take(name, policy, subject, nowMs) {
      if (nowMs >= leaveAloneUntilMs) {
        try {
          return { ...(await decideInRedis(options.redis, name, policy, subject)), from: 'store' }
        } catch (error) {
          if (!(error instanceof StoreError)) throw error
          leaveAloneUntilMs = nowMs + options.backOffMs
          options.onStoreFailure(error)
        }
      }
      return { ...floor.take(quotaKey(name, subject), policy, nowMs), from: 'floor' }
    }
  }
}

async function decideInRedis(redis: Redis, name: string, policy: QuotaPolicy, subject: string): Promise<Decision> {
  const args = [policy.quota, policy.windowMs, policy.sliceMs, 1, '']
  return parseDecision(await runScript(redis, slicedWindowScript, [quotaKey(name, subject)], args))
}

function parseDecision(reply: unknown): Decision {
  const numbers = Array.isArray(reply) ? reply.map(Number) : []
  const [allowed, remaining, retryAfterMs] = numbers
  const sound = numbers.length === 3 && numbers.every(Number.isSafeInteger) && (allowed === 0 || allowed === 1)
  if (!sound || remaining === undefined || retryAfterMs === undefined) {
    throw new StoreError('Redis answered the quota script with something else than three integers')
  }
  return { allowed: allowed === 1, remaining, retryAfterMs }
}
