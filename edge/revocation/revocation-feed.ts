/** Writes the revocation feed in Redis; `read-call.ts` reads it, and `revocation-view.ts` interprets it. */

import { namespacedKey, REVOCATION_KEY } from '../contract/redis-keys.ts'
import { isUuid } from '../contract/uuid.ts'
import type { Redis } from '../store/open-redis.ts'
import { runScript, StoreError, storeError } from '../store/run-scripts.ts'
import { parseDelta, readCall } from './read-call.ts'
import { completeScript, publishScript } from './script.ts'

/** The feed of ended sessions and removed keys. */
export interface RevocationFeed {
  /** Publishes ended sessions and entries of removed keys. Repeating it is harmless. @throws {StoreError} */
  publish(entries: readonly string[]): Promise<void>
  /** The epoch; `undefined` after Redis has lost its memory. @throws {StoreError} */
  epoch(): Promise<string | undefined>
  /**
   * Publishes all entries of the feed and marks it as complete, under a new epoch unless another process was first.
   *
   * @param readEntries is called after the draft is written, so that a later loss of memory is noticed
   * @throws {StoreError} also where Redis has lost its memory during the rebuild
   */
  rebuild(epoch: string, readEntries: () => Promise<readonly string[]>): Promise<void>
}

/** Entries of one call: fewer than one read returns. */
const BATCH = 500

/** Creates the feed. @param retentionMs how long an entry is kept, see `revocationRetentionMs()` */
export function createRevocationFeed(redis: Redis, retentionMs: number): RevocationFeed {
  const keys = [REVOCATION_KEY]

  async function publish(entries: readonly string[]): Promise<void> {
    for (let i = 0; i < entries.length; i += BATCH) {
      const batch = entries.slice(i, i + BATCH)
      const reply = await runScript(redis, { script: publishScript, keys, args: [retentionMs, ...batch] })
      // Security: with any other reply Redis has not published, and the logout must not count as done.
      if (!holds(reply, new Set(batch).size)) {
        throw new StoreError(
          'Redis answered the publish script with an invalid reply: expected a time and the number published'
        )
      }
    }
  }

  return {
    publish,
    async epoch() {
      const delta = parseDelta(await runScript(redis, readCall(Number.MAX_SAFE_INTEGER, 1)))
      return delta.epoch === '' ? undefined : delta.epoch
    },
    async rebuild(epoch, readEntries) {
      await redis
        .zadd(namespacedKey(redis.namespace, REVOCATION_KEY), { score: 1, member: `draft:${epoch}` })
        .catch(error => {
          throw storeError(error)
        })
      await publish(await readEntries())
      const current = await runScript(redis, { script: completeScript, keys, args: [epoch] })
      if (current === '') throw new StoreError('Redis lost its memory while the revocation feed was rebuilt')
      if (!isUuid(current)) throw new StoreError('Redis answered the script with an invalid reply: expected an epoch')
    }
  }
}

/** Whether the reply of the publish script confirms `count` entries under one time (ms). */
function holds(reply: unknown, count: number): boolean {
  if (!Array.isArray(reply) || reply.length !== 2) return false
  const [publishedAt, held] = reply as unknown[]
  return typeof publishedAt === 'string' && /^[1-9]\d{12,15}$/.test(publishedAt) && held === count
}
