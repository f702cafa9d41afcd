/**
 * Redis calls, each for the buckets of many requests and for the revocation view. `waiting-requests.ts` and
 * `renewals.ts` decide when a call is made.
 */

import { planAsk, recordGrant } from '../limiter/asking.ts'
import { isRunningLow } from '../limiter/lease.ts'
import { parseGrant, quotaCall } from '../limiter/quota-call.ts'
import type { RevocationView } from '../revocation/revocation-view.ts'
import type { CircuitBreaker } from '../store/circuit-breaker.ts'
import type { Redis } from '../store/open-redis.ts'
import { replyOf, runScripts, StoreError } from '../store/run-scripts.ts'
import { beginCall, isPending, type PendingCall } from './pending-call.ts'
import { isLeaseOver, type SubjectBucket, stateOf } from './subject-bucket.ts'

/** Leases are renewed when this share of them is left. */
export const LOW_SHARE = 0.25
/**
 * Calls at a time for waiting requests. Later requests wait for one of these calls to end, and share the next one.
 * Renewals, calls for a missing view and probes of a Redis that failed are not counted.
 */
const MAX_CALLS = 6
/** Buckets in one call: Redis takes a few milliseconds for this many. */
const MAX_BUCKETS = 64

/** The ports of the calls of one instance. */
export interface BatchCallsOptions {
  readonly redis: Redis
  readonly view: RevocationView
  readonly nowMs: () => number
  readonly breaker: CircuitBreaker
  readonly onStoreFailure: (error: StoreError) => void
}

/** The pending calls of one instance, and the buckets for the next one. */
export interface BatchCalls {
  /** Buckets that requests wait for. */
  readonly wanted: Set<SubjectBucket>
  /** Buckets that run low. */
  readonly due: Set<SubjectBucket>
  /** Whether waiting requests may not begin another call now. */
  isFull(): boolean
  /** The last call that read the view, pending or done. */
  viewCall(): PendingCall | undefined
  /** The buckets of the next call: `own`, then those that requests wait for, then those that run low. */
  gather(own: readonly SubjectBucket[]): ReadonlySet<SubjectBucket>
  /** Begins a call. `ended` never rejects because of Redis. */
  begin(
    buckets: ReadonlySet<SubjectBucket>,
    readsView: boolean
  ): { readonly call: PendingCall; readonly ended: Promise<void> }
}

/** Creates the calls of one instance. */
// Over 40 lines: the closures share the notes on pending calls and on the buckets for the next one.
export function createBatchCalls({ redis, view, nowMs, breaker, onStoreFailure }: BatchCallsOptions): BatchCalls {
  let calls: PendingCall[] = []
  let viewCall: PendingCall | undefined
  const wanted = new Set<SubjectBucket>()
  const due = new Set<SubjectBucket>()

  /** Moves buckets from a set into a call, except those that another call asks for or that need nothing any more. */
  function moveInto(
    chosen: Set<SubjectBucket>,
    from: Set<SubjectBucket>,
    isNeeded: (bucket: SubjectBucket) => boolean
  ) {
    for (const bucket of from) {
      if (chosen.size >= MAX_BUCKETS) return
      from.delete(bucket)
      if (isNeeded(bucket) && !isPending(bucket.call, nowMs())) chosen.add(bucket)
    }
  }

  async function run(call: PendingCall, buckets: ReadonlySet<SubjectBucket>, readsView: boolean): Promise<void> {
    const asks = [...buckets].map(bucket => {
      bucket.call = call
      return { bucket, ask: planAsk(bucket, bucket.charge.policy, call.begunAtMs) }
    })
    if (readsView) viewCall = call
    const read = readsView ? view.beginRead(call.begunAtMs) : undefined
    const scripts = asks.map(({ bucket, ask }) => quotaCall(bucket.key, bucket.charge.policy, ask))
    try {
      const replies = await runScripts(redis, read ? [...scripts, read.call] : scripts)
      const recordings = asks.map(({ bucket, ask }, i) => () => {
        const { grant, redisNowMs } = parseGrant(replyOf(replies[i]), bucket.charge.policy, ask)
        recordGrant(bucket, ask, grant, { askedAtMs: call.begunAtMs, nowMs: nowMs(), redisNowMs })
      })
      recordAll([() => read?.record(replyOf(replies[asks.length])), ...recordings])
      breaker.succeeded()
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      // Waiting requests now go on without Redis: a later debit for them would never be spent.
      wanted.clear()
      breaker.failed(nowMs())
      onStoreFailure(error)
    } finally {
      call.isDone = true
    }
  }

  return {
    wanted,
    due,
    isFull: () => calls.filter(call => isPending(call, nowMs())).length >= MAX_CALLS,
    viewCall: () => viewCall,
    gather(own) {
      const chosen = new Set(own)
      moveInto(chosen, wanted, bucket => stateOf(bucket, nowMs()) === 'unknown')
      moveInto(chosen, due, bucket => isRunningLow(bucket, nowMs(), LOW_SHARE) && !isLeaseOver(bucket, nowMs()))
      return chosen
    },
    begin(buckets, readsView) {
      const call = beginCall(nowMs())
      calls = [...calls.filter(other => isPending(other, nowMs())), call]
      return { call, ended: run(call, buckets, readsView) }
    }
  }
}

/** Makes every recording, then throws the first failure: an invalid reply to one ask must not lose other grants. */
function recordAll(recordings: readonly (() => void)[]): void {
  const failures: unknown[] = []
  for (const record of recordings) {
    try {
      record()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
