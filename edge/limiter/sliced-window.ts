/** The sliced-window rule, without a store or a clock. `script.ts` is its Lua twin. */

import type { QuotaPolicy } from '../contract/policies.ts'

/** What was debited in the slice that begins at `index * sliceMs`. */
export interface Slice {
  readonly index: number
  readonly count: number
}

export interface Decision {
  readonly allowed: boolean
  /** Whole requests left after this one. */
  readonly remaining: number
  /** The wait until this same request would be allowed; 0 when it is allowed now. */
  readonly retryAfterMs: number
}

/** The first millisecond at which a slice no longer counts: its own last millisecond has then left the window. */
export function leavesAtMs(policy: QuotaPolicy, index: number): number {
  return (index + 1) * policy.sliceMs + policy.windowMs
}

/**
 * Decides whether `cost` more requests fit into the window that ends at `nowMs`.
 *
 * A slice counts whole until its last millisecond has left the window, so that no window,
 * wherever it begins, ever holds more than the quota.
 *
 * @param slices oldest first; slices in the future are debits of leases not yet expired
 */
export function decide(policy: QuotaPolicy, slices: readonly Slice[], nowMs: number, cost = 1): Decision {
  const counted = slices.filter(slice => leavesAtMs(policy, slice.index) > nowMs)
  const left = policy.quota - counted.reduce((sum, slice) => sum + slice.count, 0)
  if (left >= cost) return { allowed: true, remaining: left - cost, retryAfterMs: 0 }

  let room = left
  const last = counted.find(slice => {
    room += slice.count
    return room >= cost
  })
  const retryAfterMs = last ? leavesAtMs(policy, last.index) - nowMs : policy.windowMs
  return { allowed: false, remaining: Math.max(0, left), retryAfterMs }
}
