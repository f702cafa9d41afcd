/**
 * @upstash/ratelimit as its documentation says (upstash.com/docs/redis/sdks/ratelimit-ts: Algorithms, Features): the
 * sliding window, the ephemeral cache on, default deadlines and retries. Its `reset` is the end of the window, to the
 * millisecond.
 */

import { Ratelimit } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis'
import type { QuotaInstance } from '../lib/quota-traffic.ts'
import type { CreateQuotaLimiter } from './quota.ts'

/** One `Ratelimit` per instance. */
export const createUpstashQuota: CreateQuotaLimiter = (redis, { quota, windowSeconds, instances }) => {
  let subject = 0
  const create = (): QuotaInstance => {
    const limiter = new Ratelimit({
      redis: new Redis({ ...redis, enableTelemetry: false }),
      limiter: Ratelimit.slidingWindow(quota, `${windowSeconds} s`),
      ephemeralCache: new Map()
    })
    return {
      async charge() {
        const { success, reset } = await limiter.limit(`subject-${subject}`)
        return { allowed: success, retryAfterMs: success ? 0 : reset - Date.now() }
      }
    }
  }
  return {
    instances: Array.from({ length: instances }, create),
    newSubject: () => {
      subject++
    },
    idle: async () => {}
  }
}
