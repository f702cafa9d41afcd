/** Counts failures in the memory of this process. `fallback-guard.ts` decides which attempts count here. */

import { createBoundedMap } from '../../edge/contract/bounded-map.ts'
import {
  type AttemptFacts,
  type BlockState,
  type DelayState,
  decide,
  type GuardDecision,
  type GuardPolicy,
  type GuardState,
  NO_DELAY,
  NO_FAILURES,
  type Outcome,
  recordFailure
} from './rule.ts'
import type { SubjectKeys } from './subject-keys.ts'

/** Failures in the memory of one process. */
export interface FailureMemory {
  /** Decides an attempt and records its outcome if the client may learn it, as `decide()` of the rule does. */
  decide(keys: SubjectKeys, attempt: AttemptFacts, nowMs: number): GuardDecision
  /** Records an outcome that the client has learned, without deciding about it. */
  count(keys: SubjectKeys, outcome: Outcome, nowMs: number): void
  /** Forgets the failures of an account, and the delay of one client address on it. */
  clear(keys: Pick<SubjectKeys, 'account' | 'pair'>): void
}

/**
 * Creates an empty memory.
 *
 * Security: an attacker must not push a blocked subject out of the memory. Only an answered outcome writes, and each has
 * cost a password hash. Reading costs nothing, so it renews nothing: with `get()` instead of `peek()` an attacker could read
 * old subjects until the blocked ones among them are forgotten.
 *
 * @param maxSubjects of each kind; the half of them that failed most recently is always remembered
 */
export function createFailureMemory(policy: GuardPolicy, maxSubjects: number): FailureMemory {
  const addresses = createBoundedMap<string, BlockState>(maxSubjects)
  const pairs = createBoundedMap<string, DelayState>(maxSubjects)
  const accounts = createBoundedMap<string, BlockState>(maxSubjects)

  const stateOf = (keys: SubjectKeys): GuardState => ({
    address: addresses.peek(keys.address) ?? NO_FAILURES,
    pair: pairs.peek(keys.pair) ?? NO_DELAY,
    account: accounts.peek(keys.account) ?? NO_FAILURES
  })
  // Only what changed: a write renews its subject.
  const remember = (keys: SubjectKeys, state: GuardState, next: GuardState) => {
    if (next.address !== state.address) addresses.set(keys.address, next.address)
    if (next.account !== state.account) accounts.set(keys.account, next.account)
    if (next.pair !== state.pair) pairs.set(keys.pair, next.pair)
  }

  return {
    decide(keys, attempt, nowMs) {
      const state = stateOf(keys)
      const { decision, state: next } = decide(policy, state, attempt, nowMs)
      remember(keys, state, next)
      return decision
    },
    count(keys, outcome, nowMs) {
      const state = stateOf(keys)
      const next = outcome === 'right' ? { ...state, pair: NO_DELAY } : recordFailure(policy, state, outcome, nowMs)
      remember(keys, state, next)
    },
    clear(keys) {
      accounts.delete(keys.account)
      pairs.delete(keys.pair)
    }
  }
}
