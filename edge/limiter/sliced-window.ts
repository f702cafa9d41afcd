/** The sliced-window rule with leases, without a store or a clock. `script.ts` is its Lua twin. */

import type { QuotaPolicy } from '../contract/quota-policy.ts'

/** The requests that were debited in the slice that begins at `index * sliceMs`. */
export interface Slice {
  readonly index: number
  readonly count: number
}

/** Moves a debit to the slice in which its requests really fell, or returns it. */
export interface Settlement {
  /** The slice of the lease's debit. */
  readonly from: number
  /** The slice of the requests; undefined for requests that were never spent. */
  readonly to: number | undefined
  readonly count: number
}

/** What an instance asks of a quota. */
export interface Ask {
  /** Requests that wait for the answer. */
  readonly waiting: number
  /** Requests that are expected while the lease lives, waiting ones included. */
  readonly want: number
  /** How long they may be spent: the life of the lease. */
  readonly lifeMs: number
  /** Settlements of earlier leases. */
  readonly settlements: readonly Settlement[]
}

/** Requests that may be spent once older ones have left the window. */
export interface LaterPart {
  readonly afterMs: number
  readonly count: number
}

/** What an instance is granted, until the lease expires. */
export interface Grant {
  /** Requests that may be spent at once. */
  readonly granted: number
  /** Requests that may be spent later, soonest first. */
  readonly later: readonly LaterPart[]
  /** Whole requests that are left for other instances now. */
  readonly remaining: number
  /** The wait until one more request can be granted to any instance; 0 where one is left. */
  readonly retryAfterMs: number
  /** The slice of the debit: that in which the lease expires. */
  readonly index: number
}

/** Whether a request may pass. */
export interface Decision {
  readonly allowed: boolean
  /** Whole requests left after this one. */
  readonly remaining: number
  /** The wait until this same request would be allowed; 0 when it is allowed now. */
  readonly retryAfterMs: number
}

/** The ask for one request, now. */
export const ONE: Ask = { waiting: 1, want: 1, lifeMs: 0, settlements: [] }

/** The decision on the one request that was asked for. */
export function decisionOf({ granted, remaining, retryAfterMs }: Grant): Decision {
  return granted > 0 ? { allowed: true, remaining, retryAfterMs: 0 } : { allowed: false, remaining, retryAfterMs }
}

/** The first millisecond at which a slice no longer counts: its own last millisecond has then left the window. */
export function leavesAtMs(policy: QuotaPolicy, index: number): number {
  return (index + 1) * policy.sliceMs + policy.windowMs
}

/** Beyond waiting requests, an instance is granted at most the rest of the quota divided by this. */
export const LEASE_DIVISOR = 3

/**
 * Settles earlier leases, then grants as much of `ask.want` as fits. The debit falls in the slice in which the lease
 * expires.
 *
 * Never more than the quota in any window, wherever it begins. Proof: let R be the requests of a window that ends at T,
 * and g the last grant that one of them was spent of, from the time b on, g <= b <= T. Each of R falls no later than
 * the end of the slice of its debit, so that none of these slices has left at T, nor at b, and all of them were debited
 * at g. The grant at g was only made for as many requests as then fitted at b. A settlement moves a debit no further
 * back than to the slice of its request, which changes nothing of this.
 *
 * @param slices the debits, in any order; slices in the future are leases that have not expired
 * @returns the grant, and the debits after it, oldest first
 */
export function decide(
  policy: QuotaPolicy,
  slices: readonly Slice[],
  ask: Ask,
  nowMs: number
): { grant: Grant; slices: readonly Slice[] } {
  const counts = new Map(slices.map(({ index, count }) => [index, count]))
  for (const settlement of ask.settlements) settle(counts, settlement)
  for (const index of counts.keys()) if (leavesAtMs(policy, index) <= nowMs) counts.delete(index)
  const before = oldestFirst(counts)

  const left = policy.quota - before.reduce((sum, { count }) => sum + count, 0)
  const share = Math.max(ask.waiting, Math.min(ask.want, Math.floor(left / LEASE_DIVISOR)))
  const granted = Math.max(0, Math.min(share, left))
  const later = laterParts(policy, before, ask, nowMs, left - granted, granted)
  const total = later.reduce((sum, { count }) => sum + count, granted)
  const index = Math.floor((nowMs + ask.lifeMs) / policy.sliceMs)
  if (total > 0) counts.set(index, (counts.get(index) ?? 0) + total)

  const after = oldestFirst(counts)
  const remaining = Math.max(0, left - granted)
  const retryAfterMs = remaining > 0 ? 0 : waitForRoomMs(policy, after, left - total, nowMs)
  return { grant: { granted, later, remaining, retryAfterMs, index }, slices: after }
}

/**
 * Grants, for later, the room that earlier debits leave when their slice leaves the window, while the lease lives.
 *
 * Only for expected requests. A waiting request without a grant is refused for a whole second at least, and its client
 * may come back to another instance, which would find the quota leased here.
 */
function laterParts(
  policy: QuotaPolicy,
  before: readonly Slice[],
  { waiting, want, lifeMs }: Ask,
  nowMs: number,
  left: number,
  granted: number
): readonly LaterPart[] {
  const parts: LaterPart[] = []
  let [room, wanted] = [Math.min(0, left), want - Math.max(waiting, granted)]
  for (const { index, count: leaving } of before) {
    const afterMs = leavesAtMs(policy, index) - nowMs
    if (wanted <= 0 || afterMs > lifeMs / 2) break
    room += leaving
    const count = Math.min(room, wanted)
    if (count <= 0) continue
    parts.push({ afterMs, count })
    room -= count
    wanted -= count
  }
  return parts
}

/**
 * Never moves more than was debited: after Redis has lost its memory, a count below zero would grant requests for free.
 */
function settle(counts: Map<number, number>, { from, to, count }: Settlement): void {
  const there = counts.get(from) ?? 0
  const moved = Math.min(count, there)
  if (moved === there) counts.delete(from)
  else counts.set(from, there - moved)
  if (to !== undefined && moved > 0) counts.set(to, (counts.get(to) ?? 0) + moved)
}

/** @param left the rest of the quota; below zero where it was lowered, or granted to be spent later */
function waitForRoomMs(policy: QuotaPolicy, debited: readonly Slice[], left: number, nowMs: number): number {
  let room = left
  for (const { index, count } of debited) {
    room += count
    if (room >= 1) return leavesAtMs(policy, index) - nowMs
  }
  return policy.windowMs
}

function oldestFirst(counts: ReadonlyMap<number, number>): readonly Slice[] {
  return [...counts].sort(([a], [b]) => a - b).map(([index, count]) => ({ index, count }))
}
