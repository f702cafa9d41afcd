/** A login guard over a REST gateway of its own, and the steps that its tests share. */

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

/** A guard and the gateway to its Redis. */
export interface GuardPlace {
  readonly guard: LoginGuard
  readonly rest: RedisRest
  readonly backend: RedisBackend
  /** The keys of all its script calls so far. */
  readonly keys: ReadonlySet<string>
}

/** The options of a test, which replace the defaults of the API. */
export type GuardSettings = Partial<LoginGuardOptions>

/** A guard on a given client. */
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

/** A guard on one of the engines. Its keys are deleted afterwards. */
export async function openLaneGuard(t: Teardown, lane: RedisLane, settings: GuardSettings = {}): Promise<GuardPlace> {
  const { backend } = await lane.open(t)
  return openGuard(t, backend, settings)
}

/** A guard on an embedded engine with a clock that the test drives. */
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
  // These tests are not about the deadline, and fifty calls at once may be slow on a busy machine.
  return { guard: guardOver(openRedis({ ...rest, deadlineMs: 20_000 }), settings), rest, backend, keys }
}

/** Notes the keys of every script, so that they can be deleted from a shared Redis. */
function noting(backend: RedisBackend, keys: Set<string>): RedisBackend {
  return {
    ...backend,
    execute: words => {
      if (/^eval/i.test(words[0] ?? '')) for (const key of words.slice(3, 3 + Number(words[2]))) keys.add(key)
      return backend.execute(words)
    }
  }
}

/** An attempt on the email address of `name`, by default from an unknown device. */
export function attemptOf(name: string, clientAddress: string, more: Partial<LoginAttempt> = {}): LoginAttempt {
  return { email: `${name}@example.com`, clientAddress, knownDevice: false, ...more }
}

/** Admits and records an attempt, as a sign-in does. Returns its outcome in words, with the wait in seconds if there is one. */
export async function signIn(guard: LoginGuard, attempt: LoginAttempt, correct: boolean): Promise<string> {
  const admitted = await guard.admit(attempt)
  if (!admitted.ok) return worded(admitted)
  return wordedResult(await guard.record(attempt, correct ? 'right' : 'wrong'), correct)
}

/** The result as the client would learn it. */
export function wordedResult(result: AttemptResult, correct: boolean): string {
  if (!result.answerable) return worded(result.failure)
  return `${correct ? 'right' : 'wrong'}${result.accountAttacked ? ', attacked' : ''}`
}

function worded({ problem, retryAfterSeconds }: { problem: string; retryAfterSeconds?: number }): string {
  return retryAfterSeconds === undefined ? problem : `${problem} ${retryAfterSeconds}`
}
