/**
 * What one instance may still spend of one subject's quota, without a store or a clock; what to ask for next is `asking.ts`.
 * Plain data, because on Workers requests may share nothing else.
 *
 * A debit is made before it is spent, so no failure admits too many; but it may strand some. Of one subject's quota an
 * instance holds, leased and not spent, at most
 *
 *     ceil(LEASE_SHARE × quota) + waiting
 *
 * because a lease for what is only expected never fills it beyond the first term, and `waiting` are the requests that wait
 * for the answer (at least 1) and spend it when it comes, unless they died meanwhile. That much is stranded by each instance
 * that dies or is not asked again, and by each answer that is lost; so at once by all of them at most
 *
 *     (instances + lost answers) × (ceil(LEASE_SHARE × quota) + waiting)
 *
 * and never more than the quota. It comes back when the slice in which the lease expires has left the window: after the life
 * of the lease (20 s at most), a slice and a window. An instance that is asked again gives its own back with its next ask.
 *
 * Clocks need not agree with that of Redis, but must not be set back by more than a moment while a lease lives: it would
 * be spent after its debit. The admission gives all leases up where it sees that.
 *
 * Over 200 lines: what an account holds is read and changed by all of this, and proven only together.
 */

import type { QuotaPolicy } from '../contract/quota-policy.ts'

/** A grant of Redis as it is kept here. */
export interface Lease {
  /** The slice in which Redis has debited it. */
  readonly index: number
  readonly expiresAtMs: number
  /** The clock of Redis, less ours; at most this much ahead. */
  readonly aheadMs: number
  /** Soonest first. */
  readonly parts: { readonly fromMs: number; left: number }[]
  /** Spent and not settled yet: slice → requests. */
  readonly spent: Map<number, number>
}

/** The standing of one subject under one quota, on this instance. */
export interface Bucket {
  leases: Lease[]
  askedAtMs: number
  spentSinceAsk: number
  /** What the last answer of Redis has left to others. */
  remaining: number
  /** When Redis will have room again; in the past where it has. */
  roomAtMs: number
  /** Redis is not asked again before. */
  heldUntilMs: number
  refusalsInARow: number
  lastGranted: number
  lastLifeMs: number
  /** Requests that wait for a lease, as far as is known: those that died while they waited are counted, too. */
  waiting: number
}

/** How a subject stands: `spendable` now, `held` until Redis may be asked again, or `unknown`. */
export type BucketState = 'spendable' | 'held' | 'unknown'

/** The longest life of a lease. */
export const MAX_LIFE_MS = 20_000
/** Spending stops so long before Redis thinks that the lease expires: a Worker's clock stands still while it computes. */
export const MARGIN_MS = 50
/** Smaller leases are not renewed before they are spent: it would hardly save a wait. */
const MIN_RENEWED = 4

/** Creates the standing of a subject that nothing is known of. */
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

/** How the subject stands at `nowMs`. */
export function bucketState(account: Bucket, policy: QuotaPolicy, nowMs: number): BucketState {
  if (findPart(account, nowMs) !== undefined) return 'spendable'
  // While Redis has room for others it has room for those that wait here: then a part for later holds nobody.
  const next = account.remaining > 0 ? undefined : nextPartMs(account, nowMs)
  const holdMs = (next ?? account.heldUntilMs) - nowMs
  // A clock that was set back must not hold a subject for longer than any quota does.
  return holdMs > 0 && holdMs <= longestWaitMs(policy) ? 'held' : 'unknown'
}

/** The wait after which a request of a subject that is `held` will find room. */
export function waitMs(account: Bucket, nowMs: number): number {
  return Math.max(1, (nextPartMs(account, nowMs) ?? Math.max(account.heldUntilMs, account.roomAtMs)) - nowMs)
}

/** Requests that may still pass now, here and elsewhere, as far as is known. */
export function remainingOf(account: Bucket, nowMs: number): number {
  return account.remaining + spendableOf(account, nowMs)
}

/** Spends one request of a subject that is `spendable`. */
export function spend(account: Bucket, policy: QuotaPolicy, nowMs: number): void {
  const found = findPart(account, nowMs)
  if (found === undefined) throw new Error('nothing was leased that could be spent')
  const { lease, part } = found
  part.left -= 1
  const index = Math.min(lease.index, Math.floor((nowMs + lease.aheadMs + MARGIN_MS) / policy.sliceMs))
  lease.spent.set(index, (lease.spent.get(index) ?? 0) + 1)
  account.spentSinceAsk += 1
  account.waiting = Math.max(0, account.waiting - 1)
}

/** Whether more should be asked for behind a request: less than `share` of the last lease is left, of requests or life. */
export function isRunningLow(account: Bucket, nowMs: number, share: number): boolean {
  if (account.heldUntilMs > nowMs || account.lastGranted < MIN_RENEWED) return false
  const isOld = nowMs - account.askedAtMs >= account.lastLifeMs * (1 - share)
  return isOld || leftOf(account, nowMs) <= account.lastGranted * share
}

/** Whether a lease may still be spent. */
export function isLive(lease: Lease, nowMs: number): boolean {
  return nowMs < lease.expiresAtMs
}

function findPart(account: Bucket, nowMs: number) {
  for (const lease of account.leases) {
    if (!isLive(lease, nowMs)) continue
    // Not before it begins: also where a clock that was set back would stretch its life.
    const part = lease.parts.find(({ fromMs, left }) => left > 0 && fromMs <= nowMs)
    if (part !== undefined) return { lease, part }
  }
  return undefined
}

/** When a part that was leased for later begins. */
function nextPartMs(account: Bucket, nowMs: number): number | undefined {
  let next: number | undefined
  for (const lease of account.leases) {
    if (!isLive(lease, nowMs)) continue
    for (const { fromMs, left } of lease.parts) if (left > 0 && fromMs > nowMs) next = Math.min(next ?? fromMs, fromMs)
  }
  return next
}

function spendableOf(account: Bucket, nowMs: number): number {
  let total = 0
  for (const lease of account.leases) {
    if (isLive(lease, nowMs)) for (const { fromMs, left } of lease.parts) if (fromMs <= nowMs) total += left
  }
  return total
}

/** Requests that are leased, those for later too. */
export function leftOf(account: Bucket, nowMs: number): number {
  let total = 0
  for (const lease of account.leases) if (isLive(lease, nowMs)) for (const { left } of lease.parts) total += left
  return total
}

function longestWaitMs(policy: QuotaPolicy): number {
  return policy.windowMs + 2 * policy.sliceMs + MAX_LIFE_MS
}
