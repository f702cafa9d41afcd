/**
 * Notes that a Redis call is pending, for other requests to wait for.
 *
 * On Workers a promise dies with the request that began it, without a signal to other requests. Requests therefore
 * share plain data. A request that waits for a call sets timers of its own, and presumes a call dead that is older than
 * its deadline.
 */

import { REDIS_DEADLINE_MS } from '../store/open-redis.ts'

/** One call. */
export interface PendingCall {
  readonly begunAtMs: number
  isDone: boolean
}

/** A waiting request looks again after a quarter of the call's age, so that a crowd does not look at every moment. */
const LOOK = { leastMs: 2, share: 1 / 4 }
/** How long after its deadline a call without an outcome is presumed dead. */
const DEAD_AFTER_MS = 100

/** Notes a call that begins. */
export function beginCall(nowMs: number): PendingCall {
  return { begunAtMs: nowMs, isDone: false }
}

/** Whether the call is pending, and not presumed dead. */
export function isPending(call: PendingCall | undefined, nowMs: number): boolean {
  // The distance in either direction: a clock that was set back must not make a request wait for long.
  return call !== undefined && !call.isDone && Math.abs(nowMs - call.begunAtMs) < REDIS_DEADLINE_MS + DEAD_AFTER_MS
}

/** Waits until another request's call is done, or presumed dead. */
export async function callEnd(call: PendingCall, nowMs: () => number): Promise<void> {
  while (isPending(call, nowMs())) {
    const againMs = Math.max(LOOK.leastMs, Math.abs(nowMs() - call.begunAtMs) * LOOK.share)
    await new Promise(resolve => setTimeout(resolve, againMs))
  }
}
