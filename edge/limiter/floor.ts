/** The floor under the quotas: the same rule, in memory and stricter, for as long as Redis cannot be asked. */

import type { QuotaPolicy } from '../contract/policies.ts'
import { type Decision, decide, leavesAtMs, type Slice } from './sliced-window.ts'

export interface FloorOptions {
  /** What of the quota one instance grants, 0 to 1; at least one request. */
  readonly share: number
  /** Bounds the memory: beyond it the subject seen first is forgotten. */
  readonly maxSubjects: number
}

export interface Floor {
  take(key: string, policy: QuotaPolicy, nowMs: number): Decision
}

/** Creates an empty floor. */
export function createFloor({ share, maxSubjects }: FloorOptions): Floor {
  const subjects = new Map<string, readonly Slice[]>()

  return {
    take(key, policy, nowMs) {
      const stricter = { ...policy, quota: Math.max(1, Math.floor(policy.quota * share)) }
      const slices = (subjects.get(key) ?? []).filter(slice => leavesAtMs(policy, slice.index) > nowMs)
      const decision = decide(stricter, slices, nowMs)
      subjects.delete(key)
      subjects.set(key, decision.allowed ? debit(slices, Math.floor(nowMs / policy.sliceMs)) : slices)
      if (subjects.size > maxSubjects) subjects.delete(subjects.keys().next().value ?? key)
      return decision
    }
  }
}

function debit(slices: readonly Slice[], index: number): readonly Slice[] {
  const last = slices.at(-1)
  if (last?.index === index) return [...slices.slice(0, -1), { index, count: last.count + 1 }]
  return [...slices, { index, count: 1 }]
}
