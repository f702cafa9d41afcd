/** Opens the Redis client of edge and origin: Upstash's REST protocol, one try per call, each with a deadline. */

import { Redis as UpstashRedis } from '@upstash/redis/cloudflare'
import { deadlineSignal } from './deadline-signal.ts'

/** The client, and the namespace before each of our keys: several systems may share one database. */
export type Redis = UpstashRedis & { readonly namespace?: string }

/** A call without an answer by then has failed. */
export const REDIS_DEADLINE_MS = 250

export interface RedisOptions {
  readonly url: string
  readonly token: string
  readonly deadlineMs?: number
  /** Empty by default; see `namespacedKey()`. */
  readonly namespace?: string
}

/**
 * Creates a client. It holds no connection: there is nothing to close.
 *
 * @example
 * const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = env
 * const redis = openRedis({ url, token, deadlineMs: 1_000 })
 * await redis.set('greeting', 'hello') // → 'OK'
 */
export function openRedis({ url, token, deadlineMs = REDIS_DEADLINE_MS, namespace = '' }: RedisOptions): Redis {
  const client = new UpstashRedis({
    url,
    token,
    // A debit must not be sent twice because its answer was lost, so the client never retries.
    retry: { retries: 0 },
    signal: () => deadlineSignal(deadlineMs),
    enableTelemetry: false,
    enableAutoPipelining: false,
    automaticDeserialization: false,
    readYourWrites: false
  })
  return Object.assign(client, { namespace })
}
