/** The fallback quota: the same rule, in memory and stricter, for as long as Redis cannot be asked. */

import type { QuotaPolicy } from '../contract/quota-policy.ts'
import { type Decision, decide, decisionOf, leavesAtMs, ONE, type Slice } from './sliced-window.ts'

export interface FallbackQuotasOptions {
  /** What of the quota one instance grants, 0 to 1; at least one request. */
  readonly share: number
  /** Bounds the memory: beyond it the subject seen first is forgotten. */
  readonly maxSubjects: number
}

export interface FallbackQuotas {
  /** Judges a request that Redis cannot judge: all that this instance has admitted counts, whoever has granted it. */
  charge(key: string, policy: QuotaPolicy, nowMs: number): Decision
  /** What `take` would decide; nothing is debited. */
  peek(key: string, policy: QuotaPolicy, nowMs: number): Decision
  /**
   * Counts a request that Redis has granted. Returns a refusal, and counts nothing, where this instance has admitted
   * requests without Redis, which Redis did not count, and the whole quota with them.
   */
  count(key: string, policy: QuotaPolicy, nowMs: number): Decision | undefined
}

interface Subject {
  readonly slices: readonly Slice[]
  /** When the floor has admitted a request last. */
  readonly fellBackAtMs: number
}

const NOBODY: Subject = { slices: [], fellBackAtMs: Number.NEGATIVE_INFINITY }
/** Of a quota that is larger than any. */
const UNLIMITED = Number.MAX_SAFE_INTEGER

/** Creates an empty floor. */
export function createFallbackQuotas({ share, maxSubjects }: FallbackQuotasOptions): FallbackQuotas {
  const subjects = new Map<string, Subject>()
  const subjectOf = (key: string) => subjects.get(key) ?? NOBODY
  const judge = (key: string, policy: QuotaPolicy, nowMs: number) =>
    decide({ ...policy, quota: Math.max(1, Math.floor(policy.quota * share)) }, subjectOf(key).slices, ONE, nowMs)

  function remember(key: string, subject: Subject): void {
    subjects.delete(key)
    subjects.set(key, subject)
    if (subjects.size > maxSubjects) subjects.delete(subjects.keys().next().value ?? key)
  }

  return {
    peek: (key, policy, nowMs) => decisionOf(judge(key, policy, nowMs).grant),
    charge(key, policy, nowMs) {
      const { grant, slices } = judge(key, policy, nowMs)
      const fellBackAtMs = grant.granted > 0 ? nowMs : subjectOf(key).fellBackAtMs
      remember(key, { slices, fellBackAtMs })
      return decisionOf(grant)
    },
    count(key, policy, nowMs) {
      const { slices, fellBackAtMs } = subjectOf(key)
      const whole = decisionOf(decide(policy, slices, ONE, nowMs).grant)
      const counts = leavesAtMs(policy, Math.floor(fellBackAtMs / policy.sliceMs)) > nowMs
      if (counts && !whole.allowed) return whole
      const noted = decide({ ...policy, quota: UNLIMITED }, slices, ONE, nowMs)
      remember(key, { slices: noted.slices, fellBackAtMs })
      return undefined
    }
  }
}
