/** What one instance asks Redis for a bucket: how many requests, for how long, and what it records of the answer. */

import type { QuotaPolicy } from '../contract/quota-policy.ts'
import { type Bucket, isLive, leftOf, MARGIN_MS, MAX_LIFE_MS } from './lease.ts'
import type { Ask, Grant, Settlement } from './sliced-window.ts'

/** No lease for expected requests is larger than this share of the quota: a dying instance strands it. */
export const LEASE_SHARE = 0.1
/** A lease lives longer than its requests should last, so that a client may slow down a little. */
const LIFE_PER_HORIZON = 2
/**
 * How long a lease should last: a share of the window, and at most `maxMs`. `FREE` holds while half of the quota is
 * free.
 */
const FREE = { share: 1 / 6, maxMs: MAX_LIFE_MS / LIFE_PER_HORIZON }
const TIGHT = { share: 1 / 20, maxMs: 3_000 }
/**
 * The shortest life of a lease. Redis may take 250 ms to answer, and a request must fall before the lease expires; it
 * may wait 100 ms for its turn.
 */
export const MIN_LIFE_MS = 400
/**
 * The first lease of a new subject. A page sends a few requests, and only the first of them should wait. Of a small
 * quota only the requests that wait are leased: the client may go to many instances, and would find its quota leased
 * here.
 */
const FIRST_LEASE = { share: 0.01, most: 4 }
/** How long Redis is not asked after a first refusal. */
const FIRST_HOLD_MS = 500

/**
 * Plans what to ask Redis for. The settlements are part of the ask and are never sent twice: where the call fails, the
 * debits stay where they are, which can only refuse too much.
 */
export function planAsk(bucket: Bucket, policy: QuotaPolicy, nowMs: number): Ask {
  const settlements = drainSettlements(bucket, nowMs)
  const waiting = Math.max(1, bucket.waiting)
  const perMs = (bucket.spentSinceAsk + bucket.waiting) / Math.max(1, nowMs - bucket.askedAtMs)
  // Older than any lease: the pace of that time says nothing, and neither do the requests that were left then.
  const isNew = nowMs - bucket.askedAtMs > MAX_LIFE_MS
  const { share, maxMs } = !isNew && bucket.remaining * 2 > policy.quota ? FREE : TIGHT
  const horizonMs = Math.min(maxMs, policy.windowMs * share)
  const paced = Math.ceil(Math.min(policy.quota * LEASE_SHARE, perMs * horizonMs)) - leftOf(bucket, nowMs)
  const guessed = isNew ? Math.min(FIRST_LEASE.most, Math.floor(policy.quota * FIRST_LEASE.share)) : 0
  const want = Math.max(waiting, paced, guessed)
  const lastsMs = isNew ? horizonMs : Math.min(horizonMs, want / perMs)
  // A lease for nothing but waiting requests is short.
  const lifeMs = want > waiting ? LIFE_PER_HORIZON * lastsMs : MIN_LIFE_MS
  bucket.askedAtMs = nowMs
  bucket.spentSinceAsk = 0
  bucket.waiting = 0
  return { waiting, want, lifeMs: Math.ceil(Math.max(MIN_LIFE_MS, lifeMs)), settlements }
}

/**
 * Records a grant of Redis.
 *
 * @param times `askedAtMs`: our clock before the ask was sent, from which the life of the lease counts;
 *   `redisNowMs`: the clock of Redis when it answered
 */
export function recordGrant(
  bucket: Bucket,
  ask: Ask,
  grant: Grant,
  times: { readonly askedAtMs: number; readonly nowMs: number; readonly redisNowMs: number }
): void {
  const { askedAtMs, nowMs, redisNowMs } = times
  const parts = [{ afterMs: 0, count: grant.granted }, ...grant.later]
    .filter(({ count }) => count > 0)
    .map(({ afterMs, count }) => ({ fromMs: (afterMs === 0 ? askedAtMs : nowMs) + afterMs, left: count }))
  if (parts.length > 0) {
    bucket.leases.push({
      index: grant.index,
      expiresAtMs: askedAtMs + ask.lifeMs - MARGIN_MS,
      aheadMs: redisNowMs - askedAtMs,
      parts,
      spent: new Map()
    })
  }
  bucket.remaining = grant.remaining
  bucket.lastGranted = parts.reduce((sum, { left }) => sum + left, 0)
  bucket.lastLifeMs = ask.lifeMs
  bucket.roomAtMs = nowMs + grant.retryAfterMs
  bucket.refusalsInARow = parts.length === 0 ? bucket.refusalsInARow + 1 : 0
  bucket.heldUntilMs = heldUntilMs(bucket, nowMs)
}

/**
 * At the limit Redis is not asked for each request: soon after the first refusal, because other instances may return
 * what they do not spend, then ever later, and at the time at which there is room.
 */
function heldUntilMs({ remaining, roomAtMs, refusalsInARow }: Bucket, nowMs: number): number {
  if (remaining > 0) return Number.NEGATIVE_INFINITY
  return Math.min(roomAtMs, nowMs + FIRST_HOLD_MS * 2 ** Math.max(0, refusalsInARow - 1))
}

/** Settles earlier leases. Leases that are over leave the bucket. */
function drainSettlements(bucket: Bucket, nowMs: number): Settlement[] {
  const settlements: Settlement[] = []
  for (const lease of bucket.leases) {
    for (const [to, count] of lease.spent) if (to !== lease.index) settlements.push({ from: lease.index, to, count })
    lease.spent.clear()
    const left = lease.parts.reduce((sum, part) => sum + part.left, 0)
    if (left > 0 && !isLive(lease, nowMs)) settlements.push({ from: lease.index, to: undefined, count: left })
  }
  bucket.leases = bucket.leases.filter(lease => isLive(lease, nowMs) && lease.parts.some(part => part.left > 0))
  return settlements
}
