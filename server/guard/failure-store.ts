/** Where failures are counted: in Redis, and in the memory of this process where Redis fails. Judging is `rule.ts`. */

import { namespacedKey } from '../../edge/contract/redis-keys.ts'
import type { Redis } from '../../edge/store/open-redis.ts'
import { runScript, StoreError, storeError } from '../../edge/store/run-scripts.ts'
import { createFallbackGuard } from './fallback-guard.ts'
import type { AttemptFacts, GuardDecision, GuardPolicy, Obstacle } from './rule.ts'
import { loginGuardScript } from './script.ts'
import type { SubjectKeys } from './subject-keys.ts'

export interface FailureStoreOptions {
  readonly redis: Redis
  readonly policy: GuardPolicy
  /** What of each number of failures one process still grants while Redis is away: 0.5 is half, at least one. */
  readonly fallbackShare: number
  /** Subjects of each kind remembered by the floor; beyond it the oldest is forgotten. */
  readonly maxFallbackSubjects: number
  /** How long Redis is left alone after it failed, so that not every sign-in waits for its deadline. */
  readonly breakerResetMs: number
  readonly onStoreFailure: (error: StoreError) => void
  /** The clock of the floor and of the back-off; Redis has its own. */
  readonly nowMs: () => number
}

export interface FailureStore {
  /** Judges an attempt and records how it ended, in one round trip. Never throws because of Redis. */
  decide(keys: SubjectKeys, attempt: AttemptFacts): Promise<GuardDecision>
  /** Forgets the failures of an account, and those of the client address on it. Never throws because of Redis. */
  clear(keys: Pick<SubjectKeys, 'account' | 'pair'>): Promise<void>
}

/** The obstacles by their number in the script's reply. */
const OBSTACLES: readonly (Obstacle | undefined)[] = [undefined, 'address', 'pair', 'account']

/** Creates the ledger. One per process: it counts what this process has answered, too. */
export function createFailureStore(options: FailureStoreOptions): FailureStore {
  const { policy, fallbackShare: floorShare, maxFallbackSubjects: floorSubjects, breakerResetMs: backOffMs } = options
  const own = createFallbackGuard({ policy, share: floorShare, maxSubjects: floorSubjects })
  let failedAtMs: number | undefined
  // Either way round: a clock that was set back must not keep us away from Redis until it has caught up.
  const isLeftAlone = (nowMs: number) => failedAtMs !== undefined && Math.abs(nowMs - failedAtMs) < backOffMs

  return {
    async decide(keys, attempt) {
      const nowMs = options.nowMs()
      if (isLeftAlone(nowMs)) return own.decide(keys, attempt, nowMs)

      // After a failure one attempt finds out whether Redis is back; those that come meanwhile do not wait with it.
      if (failedAtMs !== undefined) failedAtMs = nowMs
      try {
        const verdict = await weighInRedis(options.redis, keys, policy, attempt)
        failedAtMs = undefined
        return own.confirm(verdict, keys, attempt, options.nowMs())
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        // The time after the deadline has passed: else a back-off shorter than the deadline would be none.
        failedAtMs = options.nowMs()
        options.onStoreFailure(error)
        return own.decide(keys, attempt, failedAtMs)
      }
    },
    async clear({ account, pair }) {
      own.clear({ account, pair })
      try {
        const { redis } = options
        const names = [account, pair].map(key => namespacedKey(redis.namespace, key))
        const deleted: unknown = await redis.del(...names)
        if (deleted !== 0 && deleted !== 1 && deleted !== 2) throw new StoreError('Redis answered a DEL with nonsense')
      } catch (error) {
        failedAtMs = options.nowMs()
        options.onStoreFailure(error instanceof StoreError ? error : storeError(error))
      }
    }
  }
}

async function weighInRedis(redis: Redis, keys: SubjectKeys, policy: GuardPolicy, attempt: AttemptFacts) {
  const reply = await runScript(redis, {
    script: loginGuardScript,
    keys: [keys.address, keys.pair, keys.account],
    args: scriptArgs(policy, attempt)
  })
  return parseGuardDecision(reply, attempt)
}

/**
 * The arguments of the script, in its order.
 *
 * @param nowMs only to replay traces: else the clock of Redis, which is one for all origins
 */
export function scriptArgs(policy: GuardPolicy, attempt: AttemptFacts, nowMs?: number): (string | number)[] {
  const { address, pair, account, captchaAfterFailures } = policy
  return [
    ...[address.maxFailures, address.windowMs, address.blockMs],
    ...[pair.delayAfterFailures, pair.firstDelayMs, pair.windowMs],
    ...[account.maxFailures, account.windowMs, account.blockMs],
    captchaAfterFailures,
    Number(attempt.knownDevice),
    Number(attempt.captchaUnsolved),
    attempt.outcome,
    nowMs ?? ''
  ]
}

/**
 * Reads the script's reply.
 *
 * Nothing is converted: `Number(null)` is 0, and nonsense must not read as "admitted".
 *
 * @throws {StoreError} for everything that the script could not have answered to this attempt
 */
export function parseGuardDecision(reply: unknown, attempt: AttemptFacts): GuardDecision {
  const [waitMs, obstacle, captchaDue, attacked, ...more] = Array.isArray(reply) ? (reply as unknown[]) : []
  const isBit = (value: unknown) => value === 0 || value === 1
  const sound =
    Number.isSafeInteger(waitMs) &&
    Number.isSafeInteger(obstacle) &&
    Number(waitMs) > 0 === Number(obstacle) > 0 &&
    Number(waitMs) >= 0 &&
    Number(obstacle) >= 0 &&
    Number(obstacle) < OBSTACLES.length &&
    isBit(captchaDue) &&
    isBit(attacked) &&
    (captchaDue === 0 || attempt.captchaUnsolved) &&
    (attacked === 0 || (isFailure(attempt.outcome) && waitMs === 0 && captchaDue === 0)) &&
    more.length === 0
  if (!sound) throw new StoreError('Redis answered the login guard with something that is no verdict')

  return {
    retryAfterMs: Number(waitMs),
    obstacle: OBSTACLES[Number(obstacle)],
    captchaDue: captchaDue === 1,
    accountAttacked: attacked === 1
  }
}

function isFailure(outcome: AttemptFacts['outcome']): boolean {
  return outcome === 'wrong' || outcome === 'unconfirmed'
}
