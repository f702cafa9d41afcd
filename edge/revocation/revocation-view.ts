/**
 * The ended sessions and removed keys that this instance knows, and the age of this knowledge. There is one view per
 * process or isolate. It makes no Redis call itself: the caller adds `beginRead()` to a call of its own.
 */

import { removedKeyOf } from '../contract/redis-keys.ts'
import { type OptionNames, requireOptions } from '../contract/require-options.ts'
import type { ScriptCall } from '../store/run-scripts.ts'
import { parseDelta, type RevocationDelta, readCall } from './read-call.ts'

/** `unknown`: the view is missing or too old, so the request must be refused. */
export type SessionStatus = 'live' | 'ended' | 'key-removed' | 'unknown'

/** The parts of a token that can be revoked: its session and its key. */
export interface TokenSession {
  readonly sid: string
  readonly kid: string
}

/** The view of one instance. */
export interface RevocationView {
  /** The status of a token's session, for a request that began at `nowMs`. */
  status(session: TokenSession, nowMs: number): SessionStatus
  /** Whether the view should be renewed behind the next request. */
  isDue(nowMs: number): boolean
  /** Whether the view is older than its bound. Requests that began at `nowMs` must wait for a newer one. */
  isTooOld(nowMs: number): boolean
  /** Begins a read of the entries published since the last one. */
  beginRead(nowMs: number): RevocationRead
  /** Notes sessions that ended in this process, before they are published. */
  end(sids: readonly string[], nowMs: number): void
  /** The age of the view in milliseconds; Infinity where it was never read, or Redis has lost its memory. */
  ageMs(nowMs: number): number
}

/** One read. */
interface RevocationRead {
  readonly call: ScriptCall
  /** Adds the reply to the view. @throws {StoreError} for an invalid reply */
  record(reply: unknown): void
}

/** The bounds of a view. */
export interface RevocationViewOptions {
  /** The maximal age of the view when a request began; 0 reads for every request. */
  readonly maxAgeMs: number
  /** Entries older than this are forgotten: every access token expires sooner. */
  readonly retentionMs: number
  /** Called once for each signing key that was removed in an emergency. */
  readonly onKeyRemoved: (kid: string) => void
}

const NAMES: OptionNames<RevocationViewOptions> = {
  maxAgeMs: 'required',
  retentionMs: 'required',
  onKeyRemoved: 'required'
}

/** How long a view is fresh, or half of its bound where that is less. */
const FRESH_MS = 500
/** The pause between reads after Redis has lost its memory, until the origin has rebuilt the feed. */
const VOID_RETRY_MS = 100
/** A clock that was set back by more than this makes the age of the view unknown, and the view too old. */
const MAX_BACKWARD_MS = 1_000

/**
 * Creates an empty view. Throws a TypeError on a missing or unknown option: without its bound, a view would never be too
 * old.
 *
 * @example
 * const view = createRevocationView({ maxAgeMs: 1_000, retentionMs: 960_000, onKeyRemoved: kid => keys.remove(kid) })
 * const session = { sid: '0199a8d4-1c00-7000-8000-0000000000b2', kid: 'one' }
 * view.status(session, Date.now()) // → 'unknown'
 * view.end([session.sid], Date.now())
 * view.status(session, Date.now()) // → 'ended'
 */
// Over 40 lines: short closures over the five variables of the view.
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
    // A read that began after the request makes the view younger than the request, so its age is 0.
    return age < -MAX_BACKWARD_MS ? Number.POSITIVE_INFINITY : Math.max(0, age)
  }

  function remember(entry: string, publishedAtMs: number): void {
    const kid = removedKeyOf(entry)
    if (kid !== undefined && !removedKeys.has(kid)) {
      removedKeys.add(kid)
      onKeyRemoved(kid)
    }
    if (kid !== undefined) return
    // Moved to the end: an entry that is published again would otherwise keep its old place among younger ones.
    ended.delete(entry)
    ended.set(entry, publishedAtMs)
  }

  function forgetBefore(beforeMs: number): void {
    // Insertion order is publication order, so old entries come first.
    for (const [sid, publishedAtMs] of ended) {
      if (publishedAtMs >= beforeMs) return
      ended.delete(sid)
    }
  }

  function record(delta: RevocationDelta, askedAtMs: number, known: { epoch: string; cursorMs: number | undefined }) {
    for (const { entry, publishedAtMs } of delta.ended) remember(entry, publishedAtMs)
    const newestMs = delta.ended.at(-1)?.publishedAtMs
    // Another epoch is another memory of Redis: the old cursor may hide entries of the new feed.
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
