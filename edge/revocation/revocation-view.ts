/**
 * What this instance knows of ended sessions and removed keys, and how old that knowledge is. One view per process or
 * isolate; it asks nobody: whoever has a round trip to make takes `beginRead()` along.
 */

import { removedKeyOf } from '../contract/redis-keys.ts'
import { type OptionNames, requireOptions } from '../contract/require-options.ts'
import type { ScriptCall } from '../store/run-scripts.ts'
import { parseDelta, type RevocationDelta, readCall } from './read-call.ts'

/** `unknown`: nobody can say at the moment, so nobody may pass. */
export type SessionStatus = 'live' | 'ended' | 'key-removed' | 'unknown'

/** What of a token can be revoked. */
export interface TokenSession {
  readonly sid: string
  readonly kid: string
}

export interface RevocationView {
  /** How the session of a token stands, for a request that began at `nowMs`. */
  status(session: TokenSession, nowMs: number): SessionStatus
  /** No longer fresh: to be renewed behind the next request. */
  isDue(nowMs: number): boolean
  /** Older than its bound: requests that began at `nowMs` have to wait for a newer one. */
  isTooOld(nowMs: number): boolean
  /** Begins to read what was published since the last time. */
  beginRead(nowMs: number): RevocationRead
  /** Notes sessions that ended here, before anybody publishes them. */
  end(sids: readonly string[], nowMs: number): void
  /** Milliseconds since the knowledge in this view was read; Infinity where there is none. */
  ageMs(nowMs: number): number
}

/** One reading. */
interface RevocationRead {
  readonly call: ScriptCall
  /** Takes in the reply. @throws {StoreError} for whatever is none */
  record(reply: unknown): void
}

export interface RevocationViewOptions {
  /** No request is answered from a view that was older than this when it began; 0 reads for every request. */
  readonly maxAgeMs: number
  /** Entries older than this are forgotten: no access token lives that long. */
  readonly retentionMs: number
  /** Told of each signing key that was removed in an emergency, once. */
  readonly onKeyRemoved: (kid: string) => void
}

const NAMES: OptionNames<RevocationViewOptions> = {
  maxAgeMs: 'required',
  retentionMs: 'required',
  onKeyRemoved: 'required'
}

/** A view is fresh for so long, or for half of its bound where that is less. */
const FRESH_MS = 500
/** A view of a Redis that has lost its memory is read again after this, until the origin has rebuilt it. */
const VOID_RETRY_MS = 100
/** A clock that was set back by more than this makes the view void: its age is unknown. */
const MAX_BACKWARD_MS = 1_000

/**
 * Creates an empty view. Throws a TypeError on an option that is missing or unknown: without its bound, a view would be
 * believed for ever.
 *
 * @example
 * const view = createRevocationView({ maxAgeMs: 1_000, retentionMs: 960_000, onKeyRemoved: kid => keys.remove(kid) })
 * const session = { sid: '0199a8d4-1c00-7000-8000-0000000000b2', kid: 'one' }
 * view.status(session, Date.now()) // → 'unknown'
 * view.end([session.sid], Date.now())
 * view.status(session, Date.now()) // → 'ended'
 */
// Over 40 lines: short closures over the five variables that are the view.
export function createRevocationView(options: RevocationViewOptions): RevocationView {
  requireOptions('create a revocation view', options, NAMES)
  const { maxAgeMs, retentionMs, onKeyRemoved } = options
  const freshMs = Math.min(FRESH_MS, maxAgeMs / 2)
  const ended = new Map<string, number>()
  const removedKeys = new Set<string>()
  let epoch = ''
  let cursorMs: number | undefined
  let readAtMs = Number.NEGATIVE_INFINITY

  const ageMs = (nowMs: number) => {
    const age = nowMs - readAtMs
    // Reads that began after the request has begun make its view younger than the request: that is as good as new.
    return age < -MAX_BACKWARD_MS ? Number.POSITIVE_INFINITY : Math.max(0, age)
  }

  function remember(entry: string, publishedAtMs: number): void {
    const kid = removedKeyOf(entry)
    if (kid !== undefined && !removedKeys.has(kid)) {
      removedKeys.add(kid)
      onKeyRemoved(kid)
    }
    if (kid !== undefined) return
    // Moved to the end: an entry that was published again would keep its old place among younger ones.
    ended.delete(entry)
    ended.set(entry, publishedAtMs)
  }

  function forgetBefore(beforeMs: number): void {
    // Insertion order is publication order, so the old ones come first.
    for (const [sid, publishedAtMs] of ended) {
      if (publishedAtMs >= beforeMs) return
      ended.delete(sid)
    }
  }

  function record(delta: RevocationDelta, askedAtMs: number, known: { epoch: string; cursorMs: number | undefined }) {
    for (const { entry, publishedAtMs } of delta.ended) remember(entry, publishedAtMs)
    const newestMs = delta.ended.at(-1)?.publishedAtMs
    // Another epoch is another memory: a cursor of the old one may hide entries of the new.
    const isWhole = delta.epoch === known.epoch || known.cursorMs === undefined
    if (epoch !== delta.epoch) cursorMs = undefined
    epoch = delta.epoch
    if (isWhole && newestMs !== undefined) cursorMs = Math.max(cursorMs ?? newestMs, newestMs)
    if (isWhole && !delta.hasMore) readAtMs = askedAtMs
    else if (!isWhole) readAtMs = Number.NEGATIVE_INFINITY
    if (cursorMs !== undefined) forgetBefore(cursorMs - retentionMs)
  }

  return {
    ageMs: nowMs => (epoch === '' ? Number.POSITIVE_INFINITY : ageMs(nowMs)),
    isDue: nowMs => ageMs(nowMs) > (epoch === '' ? VOID_RETRY_MS : freshMs),
    isTooOld: nowMs => ageMs(nowMs) > (epoch === '' ? VOID_RETRY_MS : maxAgeMs),
    beginRead(nowMs) {
      const known = { epoch, cursorMs }
      return { call: readCall(known.cursorMs), record: reply => record(parseDelta(reply), nowMs, known) }
    },
    end(sids, nowMs) {
      for (const sid of sids) remember(sid, nowMs)
    },
    status({ sid, kid }, nowMs) {
      if (removedKeys.has(kid)) return 'key-removed'
      if (ended.has(sid)) return 'ended'
      return epoch === '' || ageMs(nowMs) > maxAgeMs ? 'unknown' : 'live'
    }
  }
}
