/** What one process has answered by itself: the same rule, in memory, for as long as Redis cannot be asked. */

import {
  type AttemptFacts,
  type BlockPolicy,
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

export interface FailureMemoryOptions {
  readonly policy: GuardPolicy
  /** What of each number of failures one process grants, 0 to 1; at least one failure. */
  readonly share: number
  /** Bounds the memory, per kind of subject: beyond it the one whose last failure is oldest is forgotten. */
  readonly maxSubjects: number
}

export interface FailureMemory {
  decide(keys: SubjectKeys, attempt: AttemptFacts, nowMs: number): GuardDecision
  /** Forgets the failures of an account, and those of the client address on it. */
  clear(keys: Pick<SubjectKeys, 'account' | 'pair'>): void
  /** Records how an attempt ended that was answered elsewhere, without judging it. */
  count(keys: SubjectKeys, outcome: Outcome, nowMs: number): void
}

/**
 * Creates an empty floor.
 *
 * Only failures are remembered, and each has cost a password hash: nobody floods the memory to be forgotten by it.
 */
export function createFailureMemory({ policy, share, maxSubjects }: FailureMemoryOptions): FailureMemory {
  const stricter = fallbackPolicy(policy, share)
  const addresses = createMemory<BlockState>(maxSubjects)
  const pairs = createMemory<DelayState>(maxSubjects)
  const accounts = createMemory<BlockState>(maxSubjects)

  const stateOf = (keys: SubjectKeys): GuardState => ({
    address: addresses.get(keys.address) ?? NO_FAILURES,
    pair: pairs.get(keys.pair) ?? NO_DELAY,
    account: accounts.get(keys.account) ?? NO_FAILURES
  })
  const remember = (keys: SubjectKeys, state: GuardState, next: GuardState) => {
    if (next.address !== state.address) addresses.set(keys.address, next.address)
    if (next.account !== state.account) accounts.set(keys.account, next.account)
    if (next.pair !== state.pair) pairs.set(keys.pair, next.pair)
  }

  return {
    decide(keys, attempt, nowMs) {
      const state = stateOf(keys)
      const { verdict, state: next } = decide(stricter, state, attempt, nowMs)
      remember(keys, state, next)
      return verdict
    },
    clear(keys) {
      accounts.delete(keys.account)
      pairs.delete(keys.pair)
    },
    count(keys, outcome, nowMs) {
      const state = stateOf(keys)
      remember(
        keys,
        state,
        outcome === 'right' ? { ...state, pair: NO_DELAY } : recordFailure(stricter, state, outcome, nowMs)
      )
    }
  }
}

/** The policy of the floor: a share of every number of failures, and the same times. */
export function fallbackPolicy(policy: GuardPolicy, share: number): GuardPolicy {
  const some = (failures: number) => Math.max(1, Math.floor(failures * share))
  const block = (of: BlockPolicy) => ({ ...of, maxFailures: some(of.maxFailures) })
  return {
    address: block(policy.address),
    pair: { ...policy.pair, delayAfterFailures: some(policy.pair.delayAfterFailures) },
    account: block(policy.account),
    captchaAfterFailures: some(policy.captchaAfterFailures)
  }
}

export interface Memory<T> {
  get(key: string): T | undefined
  set(key: string, value: T): void
  delete(key: string): void
}

/** A map from which the entry goes that was written longest ago. */
export function createMemory<T>(maxEntries: number): Memory<T> {
  const entries = new Map<string, T>()
  return {
    get: key => entries.get(key),
    delete: key => void entries.delete(key),
    set(key, value) {
      entries.delete(key)
      entries.set(key, value)
      if (entries.size > maxEntries) entries.delete(entries.keys().next().value ?? key)
    }
  }
}
