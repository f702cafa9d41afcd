/** Writes the revocation feed in Redis; `read-call.ts` reads it, and what it means is `revocation-view.ts`'s to say. */

import { namespacedKey, REVOCATION_KEYS } from '../contract/redis-keys.ts'
import { isUuid } from '../contract/uuid.ts'
import type { Redis } from '../store/open-redis.ts'
import { runScript, StoreError, storeError } from '../store/run-scripts.ts'
import { publishScript } from './script.ts'

export interface RevocationFeed {
  /** Publishes ended sessions and entries of removed keys; doing it twice does no harm. @throws {StoreError} */
  publish(entries: readonly string[]): Promise<void>
  /** The epoch, or `undefined` after Redis has lost its memory. @throws {StoreError} */
  epoch(): Promise<string | undefined>
  /** Declares the set complete, under a new epoch unless there is one. @throws {StoreError} */
  open(epoch: string): Promise<void>
}

/** @param retentionMs how long an entry is kept: the life of an access token and a margin for clocks */
export function createRevocationFeed(redis: Redis, retentionMs: number): RevocationFeed {
  const { ended } = REVOCATION_KEYS
  const epoch = namespacedKey(redis.namespace, REVOCATION_KEYS.epoch)
  return {
    async publish(entries) {
      const call = { script: publishScript, keys: [ended], args: [retentionMs, ...entries] }
      const held = await runScript(redis, call)
      // Security: whatever answers something else has not told the edges, and a logout must not pass for done.
      if (!Number.isSafeInteger(held) || Number(held) < 0) {
        throw new StoreError('Redis answered the publish script with something else than a count')
      }
    },
    async epoch() {
      const value = await redis.get<string>(epoch).catch(error => {
        throw storeError(error)
      })
      if (value === null) return undefined
      if (!isUuid(value)) throw new StoreError('Redis answered with something else than an epoch')
      return value
    },
    async open(value) {
      await redis.set(epoch, value, { nx: true }).catch(error => {
        throw storeError(error)
      })
    }
  }
}
