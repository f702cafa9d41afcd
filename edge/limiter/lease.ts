/**
 * The bucket of one subject under one quota on one instance: what it may still spend, without a store or a clock. What
 * to ask Redis for next is `asking.ts`. Plain data, because on Workers requests may share nothing but that.
 *
 * A debit is made before it is spent, so no failure admits too many requests, but it may strand some. One instance
 * holds, leased and not spent, of one subject's quota at most
 *
 *     ceil(LEASE_SHARE × quota) + waiting
 *
 * A lease for expected requests never fills it beyond the first term. `waiting` are the requests that wait for the
 * answer (at least 1). They spend it when it comes, unless they died meanwhile. Each instance that dies or receives no
 * further request strands that much, and so does each lost answer. Together they strand at any time at most
 *
 *     (instances + lost answers) × (ceil(LEASE_SHARE × quota) + waiting)
 *
 * and never more than the quota. It comes back when the slice in which the lease expires has left the window: after the
 * life of the lease (20 s at most), a slice and a window. An instance that receives another request returns its share
 * with its next ask.
 *
 * Clocks need not agree with the clock of Redis. But a clock that is set back while a lease lives would spend the lease
 * after its debit. The admission then gives all leases up.
 */

import type { QuotaPolicy } from '../contract/quota-policy.ts'

/** A grant of Redis, as a bucket keeps it. */
export interface Lease {
  /** The slice in which Redis has debited it. */
  readonly index: number
  readonly expiresAtMs: number
  /** How far the clock of Redis is ahead of ours, at most. */
  readonly aheadMs: number
  /** Soonest first. */
  readonly parts: { readonly fromMs: number; left: number }[]
  /** Requests that were spent and are not settled yet, by slice. */
  readonly spent: Map<number, number>
}

/** The limiter state of one subject under one quota, on this instance. */
export interface Bucket {
  leases: Lease[]
  askedAtMs: number
  spentSinceAsk: number
  /** The requests that the last answer of Redis has left for other instances. */
  remaining: number
  /** The time at which Redis has room again. */
  roomAtMs: number
  /** Redis is not asked again before this time. */
  heldUntilMs: number
  refusalsInARow: number
  lastGranted: number
  lastLifeMs: number
  /** Requests that wait for a lease. Requests that died while they waited are counted, too. */
  waiting: number
}

/** `spendable` now, `held` until Redis may be asked again, or `unknown`. */
export type BucketState = 'spendable' | 'held' | 'unknown'

/** The longest life of a lease. */
export const MAX_LIFE_MS = 20_000
/** Spending stops this long before the lease expires in Redis: a Worker's clock stands still while it computes. */
export const MARGIN_MS = 50
/** Smaller leases are not renewed before they are spent: a renewal would hardly save a wait. */
const MIN_RENEWED = 4

/** Creates the bucket of a new subject. */
export function createBucket(): Bucket {
  return {
    leases: [],
    askedAtMs: Number.NEGATIVE_INFINITY,
    spentSinceAsk: 0,
    remaining: 0,
    roomAtMs: Number.NEGATIVE_INFINITY,
    heldUntilMs: Number.NEGATIVE_INFINITY,
    refusalsInARow: 0,
    lastGranted: 0,
    lastLifeMs: 0,
    waiting: 0
  }
}

/** The state of a bucket at `nowMs`. */
export function bucketState(bucket: Bucket, policy: QuotaPolicy, nowMs: number): BucketState {
  if (findPart(bucket, nowMs) !== undefined) return 'spendable'
  // While Redis has room for other instances it has room for requests that wait here, so a part for later holds none of
  // them.
  const next = bucket.remaining > 0 ? undefined : nextPartMs(bucket, nowMs)
  const holdMs = (next ?? bucket.heldUntilMs) - nowMs
  // A clock that was set back must not hold a subject for longer than any quota does.
  return holdMs > 0 && holdMs <= longestWaitMs(policy) ? 'held' : 'unknown'
}

/** The wait after which a request finds room in a bucket that is `held`. */
export function waitMs(bucket: Bucket, nowMs: number): number {
  return Math.max(1, (nextPartMs(bucket, nowMs) ?? Math.max(bucket.heldUntilMs, bucket.roomAtMs)) - nowMs)
}

/** Requests that may still pass now, on this and on other instances, as far as this instance knows. */
export function remainingOf(bucket: Bucket, nowMs: number): number {
  return bucket.remaining + spendableOf(bucket, nowMs)
}

/** Spends one request of a bucket that is `spendable`. */
export function spend(bucket: Bucket, policy: QuotaPolicy, nowMs: number): void {
  const found = findPart(bucket, nowMs)
  if (found === undefined) throw new Error('expected a lease that can be spent, found none')
  const { lease, part } = found
  part.left -= 1
  const index = Math.min(lease.index, Math.floor((nowMs + lease.aheadMs + MARGIN_MS) / policy.sliceMs))
  lease.spent.set(index, (lease.spent.get(index) ?? 0) + 1)
  bucket.spentSinceAsk += 1
  bucket.waiting = Math.max(0, bucket.waiting - 1)
}

/**
 * Whether less than `share` of the last lease is left, of its requests or its life: time to renew it behind a request.
 */
export function isRunningLow(bucket: Bucket, nowMs: number, share: number): boolean {
  if (bucket.heldUntilMs > nowMs || bucket.lastGranted < MIN_RENEWED) return false
  const isOld = nowMs - bucket.askedAtMs >= bucket.lastLifeMs * (1 - share)
  return isOld || leftOf(bucket, nowMs) <= bucket.lastGranted * share
}

/** Whether a lease may still be spent. */
export function isLive(lease: Lease, nowMs: number): boolean {
  return nowMs < lease.expiresAtMs
}

function findPart(bucket: Bucket, nowMs: number) {
  for (const lease of bucket.leases) {
    if (!isLive(lease, nowMs)) continue
    // Not before the part begins: a clock that was set back would otherwise stretch its life.
    const part = lease.parts.find(({ fromMs, left }) => left > 0 && fromMs <= nowMs)
    if (part !== undefined) return { lease, part }
  }
  return undefined
}

/** The time at which the next part that was leased for later begins. */
function nextPartMs(bucket: Bucket, nowMs: number): number | undefined {
  let next: number | undefined
  for (const lease of bucket.leases) {
    if (!isLive(lease, nowMs)) continue
    for (const { fromMs, left } of lease.parts) if (left > 0 && fromMs > nowMs) next = Math.min(next ?? fromMs, fromMs)
  }
  return next
}

function spendableOf(bucket: Bucket, nowMs: number): number {
  let total = 0
  for (const lease of bucket.leases) {
    if (isLive(lease, nowMs)) for (const { fromMs, left } of lease.parts) if (fromMs <= nowMs) total += left
  }
  return total
}

/** Leased requests, those for later included. */
export function leftOf(bucket: Bucket, nowMs: number): number {
  let total = 0
  for (const lease of bucket.leases) if (isLive(lease, nowMs)) for (const { left } of lease.parts) total += left
  return total
}

function longestWaitMs(policy: QuotaPolicy): number {
  return policy.windowMs + 2 * policy.sliceMs + MAX_LIFE_MS
}
