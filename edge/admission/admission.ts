/**
 * Decides whether requests may pass, by their quotas and the revocation view: from memory, or by one Redis call for
 * everything that is missing there. One admission per process or isolate, one conversation per request.
 */

import { type OptionNames, requireOptions } from '../contract/require-options.ts'
import { createFallbackQuotas } from '../limiter/fallback-quotas.ts'
import type { RevocationView } from '../revocation/revocation-view.ts'
import { createCircuitBreaker } from '../store/circuit-breaker.ts'
import type { Redis } from '../store/open-redis.ts'
import type { StoreError } from '../store/run-scripts.ts'
import { createBatchCalls } from './batch-calls.ts'
import { createBucketMemory } from './bucket-memory.ts'
import { createCharging } from './charging.ts'
import { type Beginning, beginConversation, type Conversation } from './conversation.ts'
import { missingOf, type Need } from './need.ts'
import { createRenewals } from './renewals.ts'
import { createWaitingRequests } from './waiting-requests.ts'

/** Decides requests by quotas and sessions. One per process or isolate. */
export interface Admission {
  /** Begins the conversation of one request. */
  begin(beginning: Beginning): Conversation
}

/** The ports and bounds of an admission. */
export interface AdmissionOptions {
  readonly redis: Redis
  readonly view: RevocationView
  readonly nowMs: () => number
  /** The most subjects that are remembered. The leases of forgotten ones are stranded. */
  readonly maxSubjects: number
  /** The share of a quota that this instance grants while Redis is away: 0.1 is a tenth, at least one request. */
  readonly fallbackShare: number
  /** How long after a failure Redis is not called. */
  readonly breakerResetMs: number
  /** Called on each failure, with the number of charges that the fallback quotas have decided since the last one. */
  readonly onStoreFailure: (error: StoreError, answeredByFallback: number) => void
}

const NAMES: OptionNames<AdmissionOptions> = {
  redis: 'required',
  view: 'required',
  nowMs: 'required',
  maxSubjects: 'required',
  fallbackShare: 'required',
  breakerResetMs: 'required',
  onStoreFailure: 'required'
}

/**
 * Creates the admission. Throws a TypeError on an option that is missing or unknown.
 *
 * @example
 * const admission = createAdmission({
 *   redis,
 *   view: createRevocationView({ maxAgeMs: 1_000, retentionMs: 960_000, onKeyRemoved: kid => keys.remove(kid) }),
 *   nowMs: Date.now,
 *   maxSubjects: 10_000,
 *   fallbackShare: 0.1,
 *   breakerResetMs: 250,
 *   onStoreFailure: error => console.warn(error.message)
 * })
 * const charges = [{ name: 'search', policy: { quota: 1, windowMs: 60_000, sliceMs: 500 }, subject: '192.0.2.1' }]
 * const mayPass = async () => {
 *   const conversation = admission.begin({ charges, begunAtMs: Date.now(), background: context.waitUntil })
 *   await conversation.ready()
 *   return conversation.charge('refuse').ok
 * }
 * await mayPass() // → true
 * await mayPass() // → false
 */
// Over 40 lines: binds the parts of an admission to each other.
export function createAdmission(options: AdmissionOptions): Admission {
  requireOptions('create an admission', options, NAMES)
  const { redis, view, nowMs, maxSubjects } = options
  const breaker = createCircuitBreaker(options.breakerResetMs)
  let answeredByFallback = 0
  const calls = createBatchCalls({
    redis,
    view,
    nowMs,
    breaker,
    onStoreFailure: error => {
      options.onStoreFailure(error, answeredByFallback)
      answeredByFallback = 0
    }
  })
  const memory = createBucketMemory(maxSubjects, () => {
    calls.wanted.clear()
    calls.due.clear()
  })
  const charging = createCharging({
    nowMs,
    fallback: createFallbackQuotas({ share: options.fallbackShare, maxSubjects }),
    isRedisAway: breaker.isOpen,
    onFallback: charges => {
      answeredByFallback += charges
    }
  })
  const waitFor = createWaitingRequests({ calls, view, nowMs, breaker })
  const renew = createRenewals({ calls, view, nowMs, breaker })

  /** Supplies what a request needs; undefined where it does not have to wait. */
  function supply(need: Need): Promise<void> | undefined {
    const missing = missingOf(need, view, nowMs())
    if (missing === undefined) return void renew(need)
    if (!breaker.isOpen()) return waitFor(need)
    if (!breaker.allowsCall(nowMs())) return undefined
    const { ended: probe } = calls.begin(calls.gather(missing.buckets), need.isRevocable)
    need.background(probe)
    // Without a view the request would be refused. It loses nothing by waiting for the probe: Redis may be back.
    return missing.view ? probe : undefined
  }

  const parts = { memory, charging, view, nowMs, supply }
  return { begin: beginning => beginConversation(parts, beginning) }
}
