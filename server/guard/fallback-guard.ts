/** Decides attempts while Redis cannot, from the failures that this process has answered. `failure-memory.ts` counts them. */

import { createBoundedMap } from '../../edge/contract/bounded-map.ts'
import { createFailureMemory } from './failure-memory.ts'
import { type AttemptFacts, type BlockPolicy, type GuardDecision, type GuardPolicy, isAnswerable } from './rule.ts'
import type { SubjectKeys } from './subject-keys.ts'

/** The limits of a fallback guard. */
export interface FallbackGuardOptions {
  readonly policy: GuardPolicy
  /** The part of each number of failures that one process allows without Redis, 0 to 1; at least one failure. */
  readonly share: number
  /** Bounds the memory, for each kind of subject: the half of them that failed most recently is always remembered. */
  readonly maxSubjects: number
}

/** Decides attempts without Redis. */
export interface FallbackGuard {
  /** Decides an attempt that Redis did not decide, by the stricter limits. All failures answered here count. */
  decide(keys: SubjectKeys, attempt: AttemptFacts, nowMs: number): GuardDecision
  /**
   * Checks a decision of Redis against the failures that this process answered without Redis.
   *
   * @returns the decision of Redis, or a refusal where those failures have used up the limits
   */
  confirm(decision: GuardDecision, keys: SubjectKeys, attempt: AttemptFacts, nowMs: number): GuardDecision
  /** Forgets the failures of an account, and the delay of one client address on it. */
  clear(keys: Pick<SubjectKeys, 'account' | 'pair'>): void
}

/**
 * Creates a guard that has seen no failure.
 *
 * The bound while Redis is slow, loses answers, or comes and goes: in any window one process answers at most `maxFailures`
 * failures of a client address by its own count, and `n` processes together answer at most
 *
 *     min(n × maxFailures, maxFailures + n × fallback)      with fallback = max(1, floor(share × maxFailures))
 *
 * Redis answers `maxFailures` once. A process answers without Redis only while all failures that it has answered in the
 * window are fewer than `fallback`. A failure that Redis counted without answering in time only refuses more. The same holds
 * for an account. A process forgets its count of a subject only after `maxSubjects / 2` other subjects have failed.
 */
export function createFallbackGuard({ policy, share, maxSubjects }: FallbackGuardOptions): FallbackGuard {
  const stricter = createFailureMemory(fallbackPolicy(policy, share), maxSubjects)
  const whole = createFailureMemory(policy, maxSubjects)
  /** When a failure of a subject was last answered without Redis. Each failure has two subjects. */
  const fellBackAtMs = createBoundedMap<string, number>(2 * maxSubjects)
  const keptMs = Math.max(...[policy.address, policy.account].flatMap(({ windowMs, blockMs }) => [windowMs, blockMs]))

  const isUnknownToRedis = (key: string, nowMs: number) => {
    const atMs = fellBackAtMs.peek(key)
    return atMs !== undefined && Math.abs(nowMs - atMs) < keptMs
  }

  return {
    decide(keys, attempt, nowMs) {
      const decision = stricter.decide(keys, attempt, nowMs)
      if (attempt.outcome === 'pending' || !isAnswerable(decision)) return decision
      whole.count(keys, attempt.outcome, nowMs)
      if (attempt.outcome !== 'right') for (const key of [keys.address, keys.account]) fellBackAtMs.set(key, nowMs)
      return decision
    },
    confirm(decision, keys, attempt, nowMs) {
      if (!isAnswerable(decision)) return decision
      const { outcome } = attempt
      if (isUnknownToRedis(keys.address, nowMs) || isUnknownToRedis(keys.account, nowMs)) {
        const own = whole.decide(keys, attempt, nowMs)
        if (!isAnswerable(own)) return own
      } else if (outcome !== 'pending') whole.count(keys, outcome, nowMs)
      if (outcome !== 'pending') stricter.count(keys, outcome, nowMs)
      return decision
    },
    clear(keys) {
      stricter.clear(keys)
      whole.clear(keys)
      fellBackAtMs.delete(keys.account)
    }
  }
}

/** The stricter policy without Redis: a share of each number of failures, at least one, and the same times. */
export function fallbackPolicy(policy: GuardPolicy, share: number): GuardPolicy {
  const shareOf = (failures: number) => Math.max(1, Math.floor(failures * share))
  const block = (whole: BlockPolicy) => ({ ...whole, maxFailures: shareOf(whole.maxFailures) })
  return {
    address: block(policy.address),
    pair: { ...policy.pair, delayAfterFailures: shareOf(policy.pair.delayAfterFailures) },
    account: block(policy.account),
    captchaAfterFailures: shareOf(policy.captchaAfterFailures)
  }
}
