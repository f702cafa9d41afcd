/** What this process has itself answered, so that it answers no more than the limits allow while Redis comes and goes. */

import { createFailureMemory, createMemory, type FailureMemoryOptions } from './failure-memory.ts'
import { type AttemptFacts, type GuardDecision, isAnswerable } from './rule.ts'
import type { SubjectKeys } from './subject-keys.ts'

export interface FallbackGuard {
  /** Judges an attempt that Redis cannot judge, by the stricter limits: all that was answered here counts. */
  decide(keys: SubjectKeys, attempt: AttemptFacts, nowMs: number): GuardDecision
  /** Takes in the verdict of Redis. Refuses where failures that were answered here, unknown to Redis, leave no room. */
  confirm(verdict: GuardDecision, keys: SubjectKeys, attempt: AttemptFacts, nowMs: number): GuardDecision
  /** Forgets the failures of an account, and those of the client address on it. */
  clear(keys: Pick<SubjectKeys, 'account' | 'pair'>): void
}

/**
 * Creates an empty count.
 *
 * The bound, while Redis is slow, loses answers, or comes and goes: in any window one process answers at most `maxFailures`
 * failures of a client address by its own count, and `n` processes answer together at most
 *
 *     min(n × maxFailures, maxFailures + n × fallback)      with fallback = max(1, floor(share × maxFailures))
 *
 * because Redis answers `maxFailures` once, and a process answers without Redis only while all failures that it has answered
 * in the window are fewer than `fallback`. What Redis has counted and could not say in time only refuses more. The same
 * holds for an account. A process forgets its count of a subject beyond `maxSubjects` other ones.
 */
export function createFallbackGuard(options: FailureMemoryOptions): FallbackGuard {
  const { policy, maxSubjects } = options
  const stricter = createFailureMemory(options)
  const whole = createFailureMemory({ ...options, share: 1 })
  /** When a failure of a subject was answered without Redis last. */
  const fellBackAtMs = createMemory<number>(2 * maxSubjects)
  const keptMs = Math.max(...[policy.address, policy.account].flatMap(({ windowMs, blockMs }) => [windowMs, blockMs]))

  const isUnknownToRedis = (key: string, nowMs: number) => {
    const atMs = fellBackAtMs.get(key)
    return atMs !== undefined && Math.abs(nowMs - atMs) < keptMs
  }

  return {
    decide(keys, attempt, nowMs) {
      const verdict = stricter.decide(keys, attempt, nowMs)
      if (attempt.outcome === 'pending' || !isAnswerable(verdict)) return verdict
      whole.count(keys, attempt.outcome, nowMs)
      if (attempt.outcome !== 'right') for (const key of [keys.address, keys.account]) fellBackAtMs.set(key, nowMs)
      return verdict
    },
    confirm(verdict, keys, attempt, nowMs) {
      if (!isAnswerable(verdict)) return verdict
      const { outcome } = attempt
      if (isUnknownToRedis(keys.address, nowMs) || isUnknownToRedis(keys.account, nowMs)) {
        const own = whole.decide(keys, attempt, nowMs)
        if (!isAnswerable(own)) return own
      } else if (outcome !== 'pending') whole.count(keys, outcome, nowMs)
      if (outcome !== 'pending') stricter.count(keys, outcome, nowMs)
      return verdict
    },
    clear(keys) {
      stricter.clear(keys)
      whole.clear(keys)
      fellBackAtMs.delete(keys.account)
    }
  }
}
