/** Decides the charges of a request: by its buckets, and by fallback quotas for those that Redis cannot supply. */

import type { StoreFailurePolicy } from '../contract/policies.ts'
import type { QuotaState } from '../contract/rate-limit-fields.ts'
import type { FallbackQuotas } from '../limiter/fallback-quotas.ts'
import { remainingOf, spend, waitMs } from '../limiter/lease.ts'
import { type ChargeRefusal, type ChargeResult, quotasUnavailable, rateLimited } from './charge-result.ts'
import { type SubjectBucket, stateOf } from './subject-bucket.ts'

export interface ChargingOptions {
  readonly nowMs: () => number
  readonly fallback: FallbackQuotas
  /** Whether Redis failed when it was called last. */
  readonly isRedisAway: () => boolean
  /** Called with the number of charges that the fallback quotas have decided. */
  readonly onFallback: (charges: number) => void
}

export interface Charging {
  /** The refusal where one of the buckets is known to be used up. Nothing is debited. */
  refusal(buckets: readonly SubjectBucket[]): ChargeRefusal | undefined
  /** Debits one request from all buckets, or from none where one of them refuses. */
  charge(buckets: readonly SubjectBucket[], onStoreFailure: StoreFailurePolicy): ChargeResult
}

/** Creates the charging of one instance. */
// Over 40 lines: the closures share the clock and the fallback quotas.
export function createCharging({ nowMs, fallback, isRedisAway, onFallback }: ChargingOptions): Charging {
  function refusalAt(buckets: readonly SubjectBucket[], atMs: number): ChargeRefusal | undefined {
    const held = buckets.filter(bucket => stateOf(bucket, atMs) === 'held')
    if (held.length === 0) return undefined
    return rateLimited(held.map(bucket => ({ ...quotaOf(bucket), remaining: 0, retryAfterMs: waitMs(bucket, atMs) })))
  }

  /** Charges the fallback quotas of all buckets, or of none. */
  function chargeFallback(buckets: readonly SubjectBucket[], atMs: number): ChargeResult {
    onFallback(buckets.length)
    const decide = (by: FallbackQuotas['charge']) =>
      buckets.map(bucket => ({ bucket, decision: by(bucket.key, bucket.charge.policy, atMs) }))
    const decided = decide(fallback.peek)
    const refusing = decided.filter(({ decision }) => !decision.allowed)
    const stateOfQuota = ({ bucket, decision: { remaining, retryAfterMs } }: (typeof decided)[number]): QuotaState => {
      return { ...quotaOf(bucket), remaining, retryAfterMs }
    }
    if (refusing.length > 0) return rateLimited(refusing.map(stateOfQuota))
    return { ok: true, quotas: decide(fallback.charge).map(stateOfQuota) }
  }

  return {
    refusal: buckets => refusalAt(buckets, nowMs()),
    charge(buckets, onStoreFailure) {
      const atMs = nowMs()
      const refused = refusalAt(buckets, atMs)
      if (refused !== undefined) return refused
      const unknown = buckets.filter(bucket => stateOf(bucket, atMs) === 'unknown')
      if (unknown.length > 0 && (onStoreFailure === 'refuse' || !isRedisAway())) return quotasUnavailable()

      const byFallback = chargeFallback(unknown, atMs)
      if (!byFallback.ok) return byFallback
      const spendable = buckets.filter(bucket => !unknown.includes(bucket))
      for (const bucket of spendable) spend(bucket, bucket.charge.policy, atMs)
      const spent = spendable.map(bucket => ({
        ...quotaOf(bucket),
        remaining: remainingOf(bucket, atMs),
        retryAfterMs: 0
      }))
      return { ok: true, quotas: [...spent, ...byFallback.quotas] }
    }
  }
}

function quotaOf({ charge: { name, policy } }: SubjectBucket): Pick<QuotaState, 'name' | 'policy'> {
  return { name, policy }
}
