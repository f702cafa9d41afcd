/** Counts failures in Redis, behind a circuit breaker. The rule is `rule.ts`, and `fallback-guard.ts` stands in for Redis. */

import { namespacedKey } from '../../edge/contract/redis-keys.ts'
import { createCircuitBreaker } from '../../edge/store/circuit-breaker.ts'
import type { Redis } from '../../edge/store/open-redis.ts'
import { runScript, StoreError, storeError } from '../../edge/store/run-scripts.ts'
import { createFallbackGuard } from './fallback-guard.ts'
import type { AttemptFacts, GuardDecision, GuardPolicy, Obstacle } from './rule.ts'
import { loginGuardScript } from './script.ts'
import type { SubjectKeys } from './subject-keys.ts'

/** The ports and limits of a failure store. */
export interface FailureStoreOptions {
  readonly redis: Redis
  readonly policy: GuardPolicy
  /** The part of each number of failures that one process allows while Redis is away: 0.5 is half, at least one. */
  readonly fallbackShare: number
  /** Subjects of each kind held in memory, two or more. The half of them that failed most recently is always held. */
  readonly maxFallbackSubjects: number
  /** The pause of the circuit breaker after a failed call, so that not every sign-in waits for Redis's deadline. */
  readonly breakerResetMs: number
  /** Called once for each failed call. */
  readonly onStoreFailure: (error: StoreError) => void
  /** The clock of the fallback and of the circuit breaker. Redis has its own. */
  readonly nowMs: () => number
}

/** Failures in Redis, and in memory while Redis is away. */
export interface FailureStore {
  /** Decides an attempt and records its outcome, in one round trip. Never throws because of Redis. */
  decide(keys: SubjectKeys, attempt: AttemptFacts): Promise<GuardDecision>
  /**
   * Forgets the failures of an account, and the delay of one client address on it. Never throws because of Redis.
   *
   * It always calls Redis. If that fails, only this process forgets them, and Redis keeps its block and its delay until
   * they expire.
   */
  clear(keys: Pick<SubjectKeys, 'account' | 'pair'>): Promise<void>
}

/** The obstacles by their number in the script's reply. */
const OBSTACLES: readonly (Obstacle | undefined)[] = [undefined, 'address', 'pair', 'account']

/** Creates the store. One per process: its fallback counts what this process has answered. */
export function createFailureStore(options: FailureStoreOptions): FailureStore {
  const { redis, policy, fallbackShare: share, maxFallbackSubjects: maxSubjects, nowMs } = options
  const fallback = createFallbackGuard({ policy, share, maxSubjects })
  const breaker = createCircuitBreaker(options.breakerResetMs)

  /**
   * @param isAllowed by the circuit breaker; a failure of any other call postpones no probe
   * @returns `undefined` where Redis failed
   */
  async function callRedis<Reply>(call: () => Promise<Reply>, isAllowed: boolean): Promise<Reply | undefined> {
    try {
      const reply = await call()
      breaker.succeeded()
      return reply
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      if (isAllowed) breaker.failed(nowMs())
      options.onStoreFailure(error)
      return undefined
    }
  }

  return {
    async decide(keys, attempt) {
      const isAllowed = breaker.allowsCall(nowMs())
      const decision = isAllowed
        ? await callRedis(() => decideInRedis(redis, keys, policy, attempt), isAllowed)
        : undefined
      if (decision === undefined) return fallback.decide(keys, attempt, nowMs())
      return fallback.confirm(decision, keys, attempt, nowMs())
    },
    async clear(keys) {
      fallback.clear(keys)
      // Also while the circuit breaker is open: an owner opens a mailed link once. If Redis answers again, a block that
      // stayed there would keep the owner out for as long as it lasts.
      await callRedis(() => clearInRedis(redis, keys), breaker.allowsCall(nowMs()))
    }
  }
}

async function decideInRedis(redis: Redis, keys: SubjectKeys, policy: GuardPolicy, attempt: AttemptFacts) {
  const reply = await runScript(redis, {
    script: loginGuardScript,
    keys: [keys.address, keys.pair, keys.account],
    args: scriptArgs(policy, attempt)
  })
  return parseGuardDecision(reply, attempt)
}

async function clearInRedis(redis: Redis, { account, pair }: Pick<SubjectKeys, 'account' | 'pair'>): Promise<void> {
  const names = [account, pair].map(key => namespacedKey(redis.namespace, key))
  const deleted: unknown = await redis.del(...names).catch((error: unknown) => {
    throw storeError(error)
  })
  if (deleted !== 0 && deleted !== 1 && deleted !== 2) throw new StoreError('Redis returned an invalid reply to DEL')
}

/**
 * The arguments of the script, in its order.
 *
 * @param nowMs only to replay traces; by default the clock of Redis, which all origins share
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
 * Security: no value is converted. `Number(null)` is 0, and an invalid reply must not read as "admitted".
 *
 * @throws {StoreError} for every reply that the script could not have given to this attempt
 */
export function parseGuardDecision(reply: unknown, attempt: AttemptFacts): GuardDecision {
  const [waitMs, obstacle, captchaDue, attacked, ...more] = Array.isArray(reply) ? (reply as unknown[]) : []
  const isBit = (value: unknown) => value === 0 || value === 1
  const valid =
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
  if (!valid) throw new StoreError('Redis returned an invalid decision of the login guard')

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
