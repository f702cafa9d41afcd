/** The need of a request: the buckets and the view that must be in memory before it can be decided. */

import type { RevocationView } from '../revocation/revocation-view.ts'
import type { CircuitBreaker } from '../store/circuit-breaker.ts'
import type { BatchCalls } from './batch-calls.ts'
import { type SubjectBucket, stateOf } from './subject-bucket.ts'

/** Lets work go on after the request was answered: `waitUntil` of Workers. */
export type Background = (work: Promise<unknown>) => void

export interface Need {
  readonly buckets: readonly SubjectBucket[]
  /** Whether the request has a session, which may have ended. */
  readonly isRevocable: boolean
  readonly begunAtMs: number
  readonly background: Background
}

/** The part of a need that only Redis can supply. */
export interface Missing {
  /** Buckets in an unknown state. */
  readonly buckets: readonly SubjectBucket[]
  /** Whether the revocation view is too old. */
  readonly view: boolean
}

/** The parts of the two ways to supply a need: waiting for Redis, and renewing behind a request. */
export interface SupplyOptions {
  readonly calls: BatchCalls
  readonly view: RevocationView
  readonly nowMs: () => number
  readonly breaker: CircuitBreaker
}

/** The missing part of a need at `nowMs`; undefined where everything is in memory. */
export function missingOf(need: Need, view: RevocationView, nowMs: number): Missing | undefined {
  const buckets = need.buckets.filter(bucket => stateOf(bucket, nowMs) === 'unknown')
  const isViewTooOld = need.isRevocable && view.isTooOld(need.begunAtMs)
  return buckets.length === 0 && !isViewTooOld ? undefined : { buckets, view: isViewTooOld }
}
