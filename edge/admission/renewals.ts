/** Renewals behind requests: of leases that run low, and of a view that is not fresh any more. */

import { isRunningLow } from '../limiter/lease.ts'
import { LOW_SHARE } from './batch-calls.ts'
import type { Need, SupplyOptions } from './need.ts'
import { isPending, type PendingCall } from './pending-call.ts'

/** A bucket of the request itself joins a renewal when this share of its lease is left. */
const JOINING_SHARE = 0.6

/**
 * Creates the renewals of one instance. They follow a request that lacks nothing itself.
 *
 * One call at a time: buckets that become due meanwhile join the next one. So Redis is asked as often as it answers,
 * and not as often as there are subjects.
 */
export function createRenewals({ calls, view, nowMs, breaker }: SupplyOptions): (need: Need) => void {
  let renewal: PendingCall | undefined
  const isBusy = (call: PendingCall | undefined) => isPending(call, nowMs())

  return ({ buckets, isRevocable, background }) => {
    const lowBy = (share: number) =>
      buckets.filter(bucket => !isBusy(bucket.call) && isRunningLow(bucket, nowMs(), share))
    for (const bucket of lowBy(LOW_SHARE)) calls.due.add(bucket)
    const readsView = isRevocable && view.isDue(nowMs()) && !isBusy(calls.viewCall())
    if (!readsView && (calls.due.size === 0 || isBusy(renewal))) return
    const gathered = calls.gather(lowBy(JOINING_SHARE))
    // What ran low may have been used up or renewed by now.
    if (gathered.size === 0 && !readsView) return
    if (!breaker.allowsCall(nowMs())) return
    const { call, ended } = calls.begin(gathered, readsView)
    renewal = call
    background(ended)
  }
}
