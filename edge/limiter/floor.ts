/** The floor under the quotas: the same rule, in memory and stricter, for as long as Redis cannot be asked. */

import type { QuotaPolicy } from '../contract/quota-policy.ts'
import { type Decision, decide, decisionOf, ONE, type Slice } from './sliced-window.ts'

export interface FloorOptions {
  /** What of the quota one instance grants, 0 to 1; at least one request. */
  readonly share: number
  /** Bounds the memory: beyond it the subject seen first is forgotten. */
  readonly maxSubjects: number
}

export interface Floor {
  take(key: string, policy: QuotaPolicy, nowMs: number): Decision
  /** What `take` would decide; nothing is debited. */
  look(key: string, policy: QuotaPolicy, nowMs: number): Decision
}

/** Creates an empty floor. */
export function createFloor({ share, maxSubjects }: FloorOptions): Floor {
  const subjects = new Map<string, readonly Slice[]>()
  const judge = (key: string, policy: QuotaPolicy, nowMs: number) =>
    decide({ ...policy, quota: Math.max(1, Math.floor(policy.quota * share)) }, subjects.get(key) ?? [], ONE, nowMs)

  return {
    look: (key, policy, nowMs) => decisionOf(judge(key, policy, nowMs).grant),
    take(key, policy, nowMs) {
      const { grant, slices } = judge(key, policy, nowMs)
      subjects.delete(key)
      subjects.set(key, slices)
      if (subjects.size > maxSubjects) subjects.delete(subjects.keys().next().value ?? key)
      return decisionOf(grant)
    }
  }
}
