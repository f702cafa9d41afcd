/**
 * @upstash/ratelimit as its documentation says (upstash.com/docs/redis/sdks/ratelimit-ts: Algorithms, Features): the
 * sliding window, the ephemeral cache on, deadlines and retries as they ship. It tells a client when its window ends
 * (`reset`), to the millisecond.
 */

import { Ratelimit } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis'
import type { QuotaInstance } from '../lib/quota-traffic.ts'
import type { CreateQuotaLimiter } from './quota.ts'

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
        const { success, reset } = await limiter.limit(`somebody-${subject}`)
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
