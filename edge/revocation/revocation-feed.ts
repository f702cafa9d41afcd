/** Reads and writes the revocation feed in Redis; what it means is `revocation-view.ts`'s to say. */

import { REVOCATION_KEYS } from '../contract/redis-keys.ts'
import { isUuid } from '../contract/uuid.ts'
import type { Redis } from '../store/open-redis.ts'
import { runScript, StoreError, storeError } from '../store/run-script.ts'
import { publishScript, readScript } from './script.ts'

/** What was published since a cursor. */
export interface RevocationDelta {
  /** Names the memory of Redis; empty where it has none. */
  readonly epoch: string
  /** Session id and when it was published (ms, the clock of Redis), oldest first. */
  readonly ended: readonly (readonly [sid: string, publishedAtMs: number])[]
}

export interface RevocationFeed {
  /** @throws {StoreError} */
  read(cursorMs: number | undefined): Promise<RevocationDelta>
  /** Publishes ended sessions; doing it twice does no harm. @throws {StoreError} */
  publish(sids: readonly string[]): Promise<void>
  /** The epoch, or `undefined` after Redis has lost its memory. @throws {StoreError} */
  epoch(): Promise<string | undefined>
  /** Declares the set complete, under a new epoch unless there is one. @throws {StoreError} */
  open(epoch: string): Promise<void>
}

/** @param retentionMs how long an entry is kept: the life of an access token and a margin for clocks */
export function createRevocationFeed(redis: Redis, retentionMs: number): RevocationFeed {
  const { ended, epoch } = REVOCATION_KEYS
  return {
    async read(cursorMs) {
      return parseDelta(await runScript(redis, readScript, [ended, epoch], [cursorMs ?? '-inf']))
    },
    async publish(sids) {
      const held = await runScript(redis, publishScript, [ended], [retentionMs, ...sids])
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

function parseDelta(reply: unknown): RevocationDelta {
  if (!Array.isArray(reply) || reply.length % 2 !== 1 || !reply.every(item => typeof item === 'string')) {
    throw new StoreError('Redis answered the revocation script with something else than an epoch and pairs')
  }
  const [epoch = '', ...pairs] = reply as string[]
  const ended: [string, number][] = []
  for (let i = 0; i < pairs.length; i += 2) {
    const publishedAtMs = Number(pairs[i + 1])
    if (!Number.isFinite(publishedAtMs)) throw new StoreError('Redis answered a revocation without a time')
    ended.push([pairs[i] ?? '', publishedAtMs])
  }
  return { epoch, ended }
}
