/**
 * A circuit breaker: after a failed call it keeps other calls away from Redis for a while, then lets one call through to probe.
 * The caller makes the call and chooses what answers in its place.
 */

/** Whether a store may be called, after its last failure. */
export interface CircuitBreaker {
  /** Whether the last call failed. Requests then use their fallback instead of waiting for Redis. */
  isOpen(): boolean
  /**
   * Whether the caller may call Redis now: every caller while the breaker is closed. While it is open, one caller per
   * `resetMs` gets `true` and must make the call: it is the probe. The others never wait for it.
   */
  allowsCall(nowMs: number): boolean
  /** Notes a call that succeeded, which closes the breaker. */
  succeeded(): void
  /**
   * Notes a call that failed, which opens the breaker.
   *
   * @param nowMs the time of the failure, not of the call's start: a reset shorter than the deadline would otherwise be over
   *   before it begins, and each request in turn would wait for the deadline
   */
  failed(nowMs: number): void
}

/**
 * Creates a closed circuit breaker.
 *
 * A probe needs no outcome: on Workers it may die with its request. The next probe is then due `resetMs` after it began.
 *
 * @param resetMs from a failure to the first probe, and from one probe to the next
 */
export function createCircuitBreaker(resetMs: number): CircuitBreaker {
  /** The last failure, or the start of a later probe; undefined while closed. */
  let pausedAtMs: number | undefined
  return {
    isOpen: () => pausedAtMs !== undefined,
    allowsCall(nowMs) {
      if (pausedAtMs === undefined) return true
      // The distance in either direction: a clock that was set back must not keep the breaker open until it catches up.
      if (Math.abs(nowMs - pausedAtMs) < resetMs) return false
      pausedAtMs = nowMs
      return true
    },
    succeeded() {
      pausedAtMs = undefined
    },
    failed(nowMs) {
      pausedAtMs = nowMs
    }
  }
}
