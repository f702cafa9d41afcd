/** Requests that wait for Redis: each makes a call, or waits for another request's call, until nothing is missing. */

import { type Missing, missingOf, type Need, type SupplyOptions } from './need.ts'
import { callEnd, isPending, type PendingCall } from './pending-call.ts'
import { type SubjectBucket, stateOf } from './subject-bucket.ts'

/** How often a request makes a call or waits for one, at most. */
const MAX_ROUNDS = 20
/** How long a request waits, at most. */
const MAX_WAIT_MS = 3_000
/** A request that waits for room looks after the first pause, then after ever longer ones. */
const LOOK = { firstMs: 2, lastMs: 16, growth: 1.25 }

/** Creates the queue of one instance. A wait ends when nothing is missing, Redis fails, or it was too long. */
// Over 40 lines: the steps of a wait share the clock and the calls.
export function createWaitingRequests({ calls, view, nowMs, breaker }: SupplyOptions): (need: Need) => Promise<void> {
  const isBusy = (call: PendingCall | undefined) => isPending(call, nowMs())
  const isIdle = (bucket: SubjectBucket) => !isBusy(bucket.call)
  const mustStop = ({ begunAtMs }: Need) => breaker.isOpen() || Math.abs(nowMs() - begunAtMs) >= MAX_WAIT_MS

  /** Waits until there is room for a call, or another call has asked for one of these buckets. */
  async function waitForRoom(buckets: readonly SubjectBucket[], need: Need): Promise<void> {
    const mayGoOn = () =>
      !calls.isFull() || buckets.some(bucket => !isIdle(bucket) || stateOf(bucket, nowMs()) !== 'unknown')
    for (let ms = LOOK.firstMs; !mayGoOn() && !mustStop(need); ms = Math.min(LOOK.lastMs, ms * LOOK.growth))
      await new Promise(resolve => setTimeout(resolve, ms))
  }

  /** Waits for a call of another request. */
  async function waitForOthers(missing: Missing, idle: readonly SubjectBucket[], need: Need): Promise<void> {
    for (const bucket of idle) calls.wanted.add(bucket)
    // Never for a call that asks for nothing of this request: it may be dead.
    const own =
      missing.buckets.find(bucket => !idle.includes(bucket))?.call ?? (idle.length === 0 ? calls.viewCall() : undefined)
    await (own === undefined ? waitForRoom(idle, need) : callEnd(own, nowMs))
  }

  return async need => {
    /** The call of each bucket for which this request was counted as waiting. */
    const counted = new Map<SubjectBucket, PendingCall | undefined>()
    for (let round = 0; round < MAX_ROUNDS && !mustStop(need); round++) {
      const missing = missingOf(need, view, nowMs())
      if (missing === undefined) return

      const idle = missing.buckets.filter(isIdle)
      const readsView = need.isRevocable && !isBusy(calls.viewCall()) && (missing.view || view.isDue(nowMs()))
      if ((idle.length > 0 && !calls.isFull()) || (missing.view && readsView)) {
        const { ended } = calls.begin(calls.gather(idle), readsView)
        // Security: a client that hangs up would otherwise hold up all requests that wait for the same call, for longer
        // than any answer takes. For the view, these are all protected requests.
        need.background(ended)
        await ended
        continue
      }
      for (const bucket of missing.buckets) {
        // Each ask begins to count anew.
        if (!counted.has(bucket) || counted.get(bucket) !== bucket.call) bucket.waiting += 1
        counted.set(bucket, bucket.call)
      }
      await waitForOthers(missing, idle, need)
    }
  }
}
