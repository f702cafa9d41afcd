/**
 * Notes that a round trip is under way, for other requests to wait on.
 *
 * On Workers a promise dies with the request that began it, and nobody is told. Requests therefore share plain data: who
 * finds a note waits on timers of its own, and takes one that is older than a round trip usually gets for that of a dead
 * request.
 */

/** One round trip under way. */
export interface PendingCall {
  readonly begunAtMs: number
  isDone: boolean
}

/** Whoever waits looks again after so long, and after a quarter of what the round trip has taken: a crowd must not look every moment. */
const LOOK = { leastMs: 2, share: 1 / 4 }
/** How long after its deadline a round trip that has not landed is taken for dead. */
const DEAD_AFTER_MS = 100

/** Notes that one begins. */
export function beginCall(nowMs: number): PendingCall {
  return { begunAtMs: nowMs, isDone: false }
}

/** Whether it is worth waiting for. */
export function isPending(flight: PendingCall | undefined, nowMs: number, deadlineMs: number): boolean {
  // Either way round: a clock that was set back must not make anybody wait for long.
  return flight !== undefined && !flight.isDone && Math.abs(nowMs - flight.begunAtMs) < deadlineMs + DEAD_AFTER_MS
}

/** Waits until a round trip of another request has landed, or is dead. */
export async function callEnd(flight: PendingCall | undefined, nowMs: () => number, deadlineMs: number): Promise<void> {
  while (flight !== undefined && isPending(flight, nowMs(), deadlineMs)) {
    const againMs = Math.max(LOOK.leastMs, Math.abs(nowMs() - flight.begunAtMs) * LOOK.share)
    await new Promise(resolve => setTimeout(resolve, againMs))
  }
}
