/** Reads the revocation feed since a cursor: the script call, and its reply as a delta. */

import { REVOCATION_KEY } from '../contract/redis-keys.ts'
import { isUuid } from '../contract/uuid.ts'
import { type ScriptCall, StoreError } from '../store/run-scripts.ts'
import { readScript } from './script.ts'

/** The entries published since a cursor. */
export interface RevocationDelta {
  /** Identifies the memory of Redis; empty where Redis has lost the feed. */
  readonly epoch: string
  /** Whether there are more entries, to be read with the time of the last entry as cursor. */
  readonly hasMore: boolean
  /** Oldest first. */
  readonly ended: readonly RevokedEntry[]
}

/** An ended session or a removed key. */
interface RevokedEntry {
  /** A session id, or `removedKeyEntry(kid)`. */
  readonly entry: string
  /** By the clock of Redis. */
  readonly publishedAtMs: number
}

/**
 * The most entries of one read: about 120 KB, which arrive within the deadline everywhere. One publication has fewer, so
 * a cursor always advances.
 */
const MAX_ENTRIES = 2_000

/** The call that reads the entries since `cursorMs`, or all of them. */
export function readCall(cursorMs: number | undefined, maxEntries = MAX_ENTRIES): ScriptCall {
  return {
    script: readScript,
    keys: [REVOCATION_KEY],
    args: [cursorMs ?? '-inf', maxEntries]
  }
}

/** Parses the reply. @throws {StoreError} for an invalid reply */
export function parseDelta(reply: unknown): RevocationDelta {
  if (!Array.isArray(reply) || reply.length < 2 || !reply.every(item => typeof item === 'string')) throw notADelta()
  const [epoch = '', more, ...pairs] = reply as string[]
  if (epoch !== '' && !isUuid(epoch)) throw notADelta()
  if (pairs.length % 2 !== 0 || (more !== '0' && more !== '1')) throw notADelta()
  const ended: RevokedEntry[] = []
  for (let i = 0; i < pairs.length; i += 2) {
    const publishedAtMs = Number(pairs[i + 1])
    if (pairs[i + 1] === '' || !Number.isFinite(publishedAtMs)) throw notADelta()
    ended.push({ entry: pairs[i] ?? '', publishedAtMs })
  }
  return { epoch, hasMore: more === '1', ended }
}

function notADelta(): StoreError {
  return new StoreError('Redis answered the revocation script with an invalid reply: expected an epoch and entries')
}
