/** What stands between a password and whoever guesses: asked before a password is looked at, and told how it went. */

import type { KeyObject } from 'node:crypto'
import { type Failure, failure, type Result, success } from '../lib/result.ts'
import { createFailureStore, type FailureStoreOptions } from './failure-store.ts'
import { type AttemptFacts, type GuardDecision, isAnswerable, type Obstacle, type Outcome } from './rule.ts'
import { subjectKeys } from './subject-keys.ts'
import type { Captcha } from './turnstile.ts'

export interface LoginAttempt {
  /** The canonical address, known or not: both count alike. */
  readonly email: string
  /** The client's canonical address. */
  readonly clientAddress: string
  /** This device has signed in to this account before. */
  readonly knownDevice: boolean
  readonly captchaToken?: string
}

/**
 * How an attempt ended. Where it is not answerable, the client must not learn whether the password was right:
 * so many attempts at once still tell an attacker no more than the limit allows.
 */
export type AttemptResult =
  | {
      readonly answerable: true
      /** True once: with this failure the protection of the account has begun, and its owner should hear of it. */
      readonly accountAttacked: boolean
    }
  | { readonly answerable: false; readonly failure: Failure }

export interface LoginGuard {
  /** Whether the password may be looked at: else `too-many-attempts`, `captcha-required` or `unavailable`. */
  admit(attempt: LoginAttempt): Promise<Result<undefined>>
  /** Counts a failure, or clears the delay of this address and account. */
  record(attempt: LoginAttempt, outcome: Outcome): Promise<AttemptResult>
  /**
   * Ends the block of an account, and the delay of this client address on it. The block of the client address stays:
   * an attacker's own mailbox must not unblock the attacker's address.
   */
  clear(subject: Pick<LoginAttempt, 'email' | 'clientAddress'>): Promise<void>
}

export interface LoginGuardOptions extends FailureStoreOptions {
  /** Keys the names under which failures are counted: at least 32 bytes, the same in all origins. */
  readonly subjectSecret: KeyObject
  /** Who is asked whether a captcha was solved; undefined: none is ever required. */
  readonly captcha: Captcha | undefined
}

/** After how long it is worth asking again, where the captcha could not be checked. */
const CAPTCHA_RETRY_SECONDS = 5

const MIN_SECRET_BYTES = 32

const OBSTACLE_REASONS = {
  address: 'too many failures from this client address: it is blocked',
  pair: 'the delay after failures from this client address on this account is running',
  account: 'too many failures on this account: it is protected from unknown devices'
} as const satisfies Record<Obstacle, string>

/**
 * Creates the guard.
 *
 * @throws {TypeError} for options that make no sense
 */
export function createLoginGuard(options: LoginGuardOptions): LoginGuard {
  checkOptions(options)
  const { captcha } = options
  const ledger = createFailureStore(options)
  // By the attempt itself: whoever settles another object than was admitted is asked for a captcha once more.
  const solved = new WeakSet<LoginAttempt>()

  const weigh = (attempt: LoginAttempt, outcome: AttemptFacts['outcome']) =>
    ledger.decide(subjectKeys(options.subjectSecret, attempt.email, attempt.clientAddress), {
      knownDevice: attempt.knownDevice,
      captchaUnsolved: captcha !== undefined && !solved.has(attempt),
      outcome
    })

  return {
    async admit(attempt) {
      const verdict = await weigh(attempt, 'pending')
      if (verdict.retryAfterMs > 0) return tooManyAttempts(verdict)
      if (!verdict.captchaDue || captcha === undefined) return success(undefined)

      const checked = await checkCaptcha(captcha, attempt)
      if (checked.ok) solved.add(attempt)
      return checked
    },

    async record(attempt, outcome) {
      const verdict = await weigh(attempt, outcome)
      solved.delete(attempt)
      if (isAnswerable(verdict)) return { answerable: true, accountAttacked: verdict.accountAttacked }
      const isDelayed = verdict.retryAfterMs > 0 || captcha === undefined
      return { answerable: false, failure: isDelayed ? tooManyAttempts(verdict) : captchaRequired(captcha) }
    },

    clear: ({ email: account, clientAddress }) =>
      ledger.clear(subjectKeys(options.subjectSecret, account, clientAddress))
  }
}

async function checkCaptcha(
  captcha: Captcha,
  { captchaToken, clientAddress }: LoginAttempt
): Promise<Result<undefined>> {
  if (captchaToken === undefined) return captchaRequired(captcha)
  const answer = await captcha.verify(captchaToken, clientAddress)
  if (answer.outcome === 'unavailable') {
    return failure('unavailable', answer.reason, { retryAfterSeconds: CAPTCHA_RETRY_SECONDS })
  }
  return answer.outcome === 'solved' ? success(undefined) : captchaRequired(captcha)
}

function captchaRequired({ siteKey }: Captcha): Failure {
  return failure('captcha-required', 'after so many failures a captcha has to be solved', { siteKey })
}

/** Rounded up: a client that waits for so many whole seconds has waited long enough. */
function tooManyAttempts({ retryAfterMs, obstacle }: GuardDecision): Failure {
  const reason = obstacle === undefined ? 'too many failures' : OBSTACLE_REASONS[obstacle]
  return failure('too-many-attempts', reason, { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) })
}

function checkOptions({
  policy,
  subjectSecret,
  fallbackShare: floorShare,
  maxFallbackSubjects: floorSubjects,
  breakerResetMs: backOffMs
}: LoginGuardOptions): void {
  const { address, pair, account, captchaAfterFailures } = policy
  const numbers = [address, pair, account].flatMap(one => Object.values(one) as number[])
  const counts = [...numbers, captchaAfterFailures, floorSubjects, backOffMs]
  const wrong = counts.find(number => !Number.isSafeInteger(number) || number < 1)
  if (wrong !== undefined) throw new TypeError(`createLoginGuard() was given ${wrong}: pass whole numbers from 1`)
  if (!(floorShare > 0 && floorShare <= 1))
    throw new TypeError(`createLoginGuard() was given the floorShare ${floorShare}: pass more than 0 and at most 1`)
  const secretBytes = subjectSecret.symmetricKeySize ?? 0
  if (secretBytes < MIN_SECRET_BYTES)
    throw new TypeError(`createLoginGuard() was given ${secretBytes} secret bytes: pass ${MIN_SECRET_BYTES}`)
}
