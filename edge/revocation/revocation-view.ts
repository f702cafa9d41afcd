/** What this instance knows of ended sessions, and how old that knowledge is. One view per process or isolate. */

import { StoreError } from '../store/run-script.ts'
import type { RevocationDelta, RevocationFeed } from './revocation-feed.ts'

/** `unknown`: nobody can say at the moment, so nobody may pass. */
export type SessionStanding = 'live' | 'ended' | 'unknown'

export interface RevocationView {
  /** How the session stands. Never throws; where the view is too old and cannot be renewed, `unknown`. */
  standing(sid: string, nowMs: number): Promise<SessionStanding>
  /** Milliseconds since the knowledge in this view was read; Infinity where there is none. */
  ageMs(nowMs: number): number
}

export interface RevocationViewOptions {
  readonly feed: Pick<RevocationFeed, 'read'>
  /** A view no older than this answers from memory; 0 asks Redis for every request. */
  readonly freshMs: number
  /** Entries older than this are forgotten: no access token lives that long. */
  readonly retentionMs: number
  readonly onStoreFailure: (error: StoreError) => void
}

/** Creates an empty view; the first question fills it. */
export function createRevocationView(options: RevocationViewOptions): RevocationView {
  const ended = new Map<string, number>()
  let epoch = ''
  let cursorMs: number | undefined
  let readAtMs = Number.NEGATIVE_INFINITY

  async function refresh(nowMs: number): Promise<void> {
    // Kept, because another request may change both while this one reads.
    const known = { epoch, cursorMs }
    let delta = await options.feed.read(known.cursorMs)
    // Another epoch is another memory: a cursor of the old one may hide entries of the new.
    if (delta.epoch !== known.epoch && known.cursorMs !== undefined) delta = await options.feed.read(undefined)
    remember(delta)
    readAtMs = epoch === '' ? Number.NEGATIVE_INFINITY : nowMs
  }

  function remember(delta: RevocationDelta): void {
    if (delta.epoch !== epoch) cursorMs = undefined
    epoch = delta.epoch
    for (const [sid, publishedAtMs] of delta.ended) {
      // Moved to the end: an entry that was published again would keep its old place among younger ones.
      ended.delete(sid)
      ended.set(sid, publishedAtMs)
      cursorMs = Math.max(cursorMs ?? publishedAtMs, publishedAtMs)
    }
    if (cursorMs !== undefined) forgetBefore(cursorMs - options.retentionMs)
  }

  function forgetBefore(beforeMs: number): void {
    // Insertion order is publication order, so the old ones come first.
    for (const [sid, publishedAtMs] of ended) {
      if (publishedAtMs >= beforeMs) return
      ended.delete(sid)
    }
  }

  // Either way round: a clock that was set back must not make the view fresh until it has caught up.
  const isFresh = (nowMs: number) => Math.abs(nowMs - readAtMs) <= options.freshMs

  return {
    ageMs: nowMs => nowMs - readAtMs,
    async standing(sid, nowMs) {
      if (!isFresh(nowMs) && !ended.has(sid)) {
        try {
          await refresh(nowMs)
        } catch (error) {
          if (!(error instanceof StoreError)) throw error
          options.onStoreFailure(error)
          return 'unknown'
        }
      }
      if (ended.has(sid)) return 'ended'
      return epoch === '' ? 'unknown' : 'live'
    }
  }
}
