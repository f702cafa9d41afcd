/** Whether Redis can be asked at the moment: after a failure it is left alone for a while, then one call tries it. */

export interface CircuitBreaker {
  /** Redis failed when it was asked last: nobody waits for it. */
  isFailing(): boolean
  /** Whether this caller is the one to find out, behind its request, if Redis is back. */
  mayProbe(nowMs: number): boolean
  succeeded(): void
  failed(nowMs: number): void
}

/** @param backOffMs between two tries */
export function createCircuitBreaker(backOffMs: number): CircuitBreaker {
  let triedAtMs: number | undefined
  return {
    isFailing: () => triedAtMs !== undefined,
    mayProbe(nowMs) {
      // Either way round: a clock that was set back must not keep us away from Redis until it has caught up.
      if (triedAtMs === undefined || Math.abs(nowMs - triedAtMs) < backOffMs) return false
      triedAtMs = nowMs
      return true
    },
    succeeded() {
      triedAtMs = undefined
    },
    failed(nowMs) {
      triedAtMs = nowMs
    }
  }
}
