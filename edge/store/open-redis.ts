/** Opens the Redis client of edge and origin: Upstash's REST protocol, one try a call, each with a deadline. */

import { Redis } from '@upstash/redis/cloudflare'
import { deadlineSignal } from './deadline-signal.ts'

export type { Redis } from '@upstash/redis/cloudflare'

/** A call that Redis has not answered by then counts as failed. */
export const REDIS_DEADLINE_MS = 250

export interface RedisOptions {
  readonly url: string
  readonly token: string
  readonly deadlineMs?: number
}

/**
 * Creates a client. It holds no connection: there is nothing to close.
 *
 * @example
 * const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = env
 * const redis = openRedis({ url, token, deadlineMs: 1_000 })
 * await redis.set('greeting', 'hello') // → 'OK'
 */
export function openRedis({ url, token, deadlineMs = REDIS_DEADLINE_MS }: RedisOptions): Redis {
  return new Redis({
    url,
    token,
    // A debit must not be sent twice because its answer was lost, so nothing is retried in here.
    retry: { retries: 0 },
    signal: () => deadlineSignal(deadlineMs),
    enableTelemetry: false,
    enableAutoPipelining: false,
    automaticDeserialization: false,
    readYourWrites: false
  })
}
