/** Fallback quotas: the same rule, in memory and stricter, while Redis cannot be asked. */

import { createBoundedMap } from '../contract/bounded-map.ts'
import type { QuotaPolicy } from '../contract/quota-policy.ts'
import { type Decision, decide, decisionOf, leavesAtMs, ONE, type Slice } from './sliced-window.ts'

export interface FallbackQuotasOptions {
  /** The share of a quota that one instance grants, 0 to 1; at least one request. */
  readonly share: number
  /** The most recent subjects, which are never forgotten; at most twice as many are in memory. */
  readonly maxSubjects: number
}

export interface FallbackQuotas {
  /**
   * Decides a request without Redis. Every request that this instance has admitted counts, also those that Redis
   * granted.
   */
  charge(key: string, policy: QuotaPolicy, nowMs: number): Decision
  /** The decision that `charge` would return; nothing is debited. */
  peek(key: string, policy: QuotaPolicy, nowMs: number): Decision
  /**
   * Counts a request that Redis has granted. Returns a refusal, and counts nothing, where this instance has admitted
   * requests that Redis did not count, and the whole quota with them.
   */
  count(key: string, policy: QuotaPolicy, nowMs: number): Decision | undefined
}

interface Subject {
  readonly slices: readonly Slice[]
  /** The last time at which a request was admitted without Redis. */
  readonly fellBackAtMs: number
}

const NEW_SUBJECT: Subject = { slices: [], fellBackAtMs: Number.NEGATIVE_INFINITY }
/** A quota that is larger than any. */
const UNLIMITED = Number.MAX_SAFE_INTEGER

/** Creates fallback quotas without any subject. */
export function createFallbackQuotas({ share, maxSubjects }: FallbackQuotasOptions): FallbackQuotas {
  // Security: twice as many, because the map only promises to keep the half that was used last. A client must not get
  // its fallback quota anew after requests under fewer than `maxSubjects` other addresses.
  const subjects = createBoundedMap<string, Subject>(2 * maxSubjects)
  const subjectOf = (key: string) => subjects.get(key) ?? NEW_SUBJECT
  const decideStricter = (key: string, policy: QuotaPolicy, nowMs: number) =>
    decide({ ...policy, quota: Math.max(1, Math.floor(policy.quota * share)) }, subjectOf(key).slices, ONE, nowMs)

  return {
    peek: (key, policy, nowMs) => decisionOf(decideStricter(key, policy, nowMs).grant),
    charge(key, policy, nowMs) {
      const { grant, slices } = decideStricter(key, policy, nowMs)
      const fellBackAtMs = grant.granted > 0 ? nowMs : subjectOf(key).fellBackAtMs
      subjects.set(key, { slices, fellBackAtMs })
      return decisionOf(grant)
    },
    count(key, policy, nowMs) {
      const { slices, fellBackAtMs } = subjectOf(key)
      const whole = decisionOf(decide(policy, slices, ONE, nowMs).grant)
      const counts = leavesAtMs(policy, Math.floor(fellBackAtMs / policy.sliceMs)) > nowMs
      if (counts && !whole.allowed) return whole
      const counted = decide({ ...policy, quota: UNLIMITED }, slices, ONE, nowMs)
      subjects.set(key, { slices: counted.slices, fellBackAtMs })
      return undefined
    }
  }
}
