/** Writes the revocation feed in Redis; `read-call.ts` reads it, and what it means is `revocation-view.ts`'s to say. */

import { namespacedKey, REVOCATION_KEY } from '../contract/redis-keys.ts'
import { isUuid } from '../contract/uuid.ts'
import type { Redis } from '../store/open-redis.ts'
import { runScript, StoreError, storeError } from '../store/run-scripts.ts'
import { parseDelta, readCall } from './read-call.ts'
import { completeScript, publishScript } from './script.ts'

export interface RevocationFeed {
  /** Publishes ended sessions and entries of removed keys; doing it twice does no harm. @throws {StoreError} */
  publish(entries: readonly string[]): Promise<void>
  /** The epoch, or `undefined` after Redis has lost its memory. @throws {StoreError} */
  epoch(): Promise<string | undefined>
  /**
   * Publishes everything that the feed must hold and declares it complete, under a new epoch unless another process was
   * first.
   *
   * @param readEntries is called once Redis can tell whether it has lost its memory since
   * @throws {StoreError} also where Redis has lost its memory meanwhile
   */
  rebuild(epoch: string, readEntries: () => Promise<readonly string[]>): Promise<void>
}

/** Entries that one call carries: fewer than one reading brings. */
const BATCH = 500

/** @param retentionMs how long an entry is kept: the life of an access token and a margin for clocks */
export function createRevocationFeed(redis: Redis, retentionMs: number): RevocationFeed {
  const keys = [REVOCATION_KEY]

  async function publish(entries: readonly string[]): Promise<void> {
    for (let i = 0; i < entries.length; i += BATCH) {
      const batch = entries.slice(i, i + BATCH)
      const reply = await runScript(redis, { script: publishScript, keys, args: [retentionMs, ...batch] })
      // Security: a Redis that answers anything else has not published, and the logout must not pass for done.
      if (!holds(reply, new Set(batch).size)) {
        throw new StoreError(
          'Redis answered the publish script with something else than a time and the number published'
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
      const open = await runScript(redis, { script: completeScript, keys, args: [epoch] })
      if (open === '') throw new StoreError('Redis lost its memory while the revocation feed was rebuilt')
      if (!isUuid(open)) throw new StoreError('Redis answered the open script with something else than an epoch')
    }
  }
}

/** Whether the reply of the publish script says that the feed holds `count` entries under one time (ms). */
function holds(reply: unknown, count: number): boolean {
  if (!Array.isArray(reply) || reply.length !== 2) return false
  const [publishedAt, held] = reply as unknown[]
  return typeof publishedAt === 'string' && /^[1-9]\d{12,15}$/.test(publishedAt) && held === count
}
