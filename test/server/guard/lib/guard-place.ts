/** A login guard over a REST gateway of its own, and what tests of it ask again and again. */

import { createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import { openRedis, type Redis } from '../../../../edge/store/open-redis.ts'
import { openEngineBackend, openRedisRest, type RedisBackend, type RedisRest } from '../../../../local/redis-rest.ts'
import {
  type AttemptResult,
  createLoginGuard,
  type LoginAttempt,
  type LoginGuard,
  type LoginGuardOptions
} from '../../../../server/guard/login-guard.ts'
import type { GuardPolicy } from '../../../../server/guard/rule.ts'
import type { RedisLane, Teardown } from '../../../lib/redis-backends.ts'

/** The limits of Gatehouse's API. */
export const DEFAULT_GUARD_POLICY: GuardPolicy = {
  address: { maxFailures: 5, windowMs: 600_000, blockMs: 1_800_000 },
  pair: { delayAfterFailures: 2, firstDelayMs: 1_000, windowMs: 600_000 },
  account: { maxFailures: 10, windowMs: 900_000, blockMs: 1_800_000 },
  captchaAfterFailures: 3
}

/** A guard and the gateway that it talks to. */
export interface GuardPlace {
  readonly guard: LoginGuard
  readonly rest: RedisRest
  readonly backend: RedisBackend
  /** The keys that its scripts were given so far. */
  readonly keys: ReadonlySet<string>
}

/** What a test may set; the defaults are those of the API. */
export type GuardSettings = Partial<LoginGuardOptions>

/** A guard on a client that is given. */
export function guardOver(redis: Redis, settings: GuardSettings = {}): LoginGuard {
  return createLoginGuard({
    redis,
    policy: DEFAULT_GUARD_POLICY,
    subjectSecret: createSecretKey(randomBytes(32)),
    captcha: undefined,
    fallbackShare: 0.5,
    maxFallbackSubjects: 1000,
    breakerResetMs: 1000,
    onStoreFailure: error => {
      throw new Error(`Redis should have answered: ${error.message}`)
    },
    nowMs: Date.now,
    ...settings
  })
}

/** A guard on one of the engines; its keys are gone afterwards. */
export async function openLaneGuard(t: Teardown, lane: RedisLane, settings: GuardSettings = {}): Promise<GuardPlace> {
  const { backend } = await lane.open(t)
  return openGuard(t, backend, settings)
}

/** A guard on an embedded engine whose clock the test drives. */
export async function openDrivenGuard(
  t: Teardown,
  nowMs: () => number,
  settings: GuardSettings = {}
): Promise<GuardPlace> {
  const backend = await openEngineBackend({ nowMs })
  t.teardown(() => backend.close())
  return openGuard(t, backend, { nowMs, ...settings })
}

async function openGuard(t: Teardown, backend: RedisBackend, settings: GuardSettings): Promise<GuardPlace> {
  const keys = new Set<string>()
  const rest = await openRedisRest({ backend: noting(backend, keys), token: randomUUID() })
  t.teardown(async () => {
    await rest.close()
    if (keys.size > 0) await backend.execute(['DEL', ...keys])
  })
  // Fifty calls at once on a busy machine: the deadline is not what these tests are about.
  return { guard: guardOver(openRedis({ ...rest, deadlineMs: 20_000 }), settings), rest, backend, keys }
}

/** The keys of every script are noted, so that a shared Redis keeps none of them. */
function noting(backend: RedisBackend, keys: Set<string>): RedisBackend {
  return {
    ...backend,
    execute: words => {
      if (/^eval/i.test(words[0] ?? '')) for (const key of words.slice(3, 3 + Number(words[2]))) keys.add(key)
      return backend.execute(words)
    }
  }
}

/** An attempt, on an unknown device unless told otherwise. */
export function attemptOf(account: string, clientAddress: string, more: Partial<LoginAttempt> = {}): LoginAttempt {
  return { email: `${account}@example.com`, clientAddress, knownDevice: false, ...more }
}

/** Admits and settles, as a sign-in does: the outcome in one word, with the wait where there is one. */
export async function signIn(guard: LoginGuard, attempt: LoginAttempt, correct: boolean): Promise<string> {
  const admitted = await guard.admit(attempt)
  if (!admitted.ok) return worded(admitted)
  return wordedSettled(await guard.record(attempt, correct ? 'right' : 'wrong'), correct)
}

/** What the client would learn. */
export function wordedSettled(settled: AttemptResult, correct: boolean): string {
  if (!settled.answerable) return worded(settled.failure)
  return `${correct ? 'right' : 'wrong'}${settled.accountAttacked ? ', attacked' : ''}`
}

function worded({ problem, retryAfterSeconds }: { problem: string; retryAfterSeconds?: number }): string {
  return retryAfterSeconds === undefined ? problem : `${problem} ${retryAfterSeconds}`
}
