/** Limits password guessing: admits an attempt before its password is compared, and records the outcome. */

import type { KeyObject } from 'node:crypto'
import { type Failure, failure, type Result, success } from '../lib/result.ts'
import { createFailureStore, type FailureStoreOptions } from './failure-store.ts'
import { type AttemptFacts, type GuardDecision, isAnswerable, type Obstacle, type Outcome } from './rule.ts'
import { type AttemptSubject, subjectKeys } from './subject-keys.ts'
import type { Captcha } from './turnstile.ts'

/** One attempt to sign in or to prove a password. The same object goes to `admit()` and to `record()`. */
export interface LoginAttempt extends AttemptSubject {
  /** This device has signed in to this account before. */
  readonly knownDevice: boolean
  readonly captchaToken?: string
}

/**
 * What the client may learn about an attempt.
 *
 * Security: unless the attempt is answerable, the client must not learn whether the password was right. Of many attempts
 * at once, an attacker then learns no more outcomes than the limits allow.
 */
export type AttemptResult =
  | {
      readonly answerable: true
      /** This failure has begun the block of the account: notify its owner. True once per block. */
      readonly accountAttacked: boolean
    }
  | { readonly answerable: false; readonly failure: Failure }

/** Limits how many passwords a client may try. */
export interface LoginGuard {
  /** Decides whether the password may be compared: otherwise `too-many-attempts`, `captcha-required` or `unavailable`. */
  admit(attempt: LoginAttempt): Promise<Result<undefined>>
  /** Counts a failure, or after a success clears the delay of this client address on this account. */
  record(attempt: LoginAttempt, outcome: Outcome): Promise<AttemptResult>
  /**
   * Ends the block of an account, and the delay of this client address on it.
   *
   * Security: the block of the client address stays. Otherwise an attacker could lift it with an account of its own.
   */
  clear(subject: AttemptSubject): Promise<void>
}

/** The ports and limits of a login guard. */
export interface LoginGuardOptions extends FailureStoreOptions {
  /** Keys the names under which failures are counted: at least 32 bytes, the same in all origins. */
  readonly subjectSecret: KeyObject
  /** Verifies captchas. If undefined, no captcha is ever required. */
  readonly captcha: Captcha | undefined
}

/** `Retry-After` if the captcha service did not answer. */
const CAPTCHA_RETRY_SECONDS = 5

const MIN_SECRET_BYTES = 32

const OBSTACLE_REASONS = {
  address: 'too many failures from this client address, which is blocked',
  pair: 'the delay after failures from this client address on this account has not passed',
  account: 'too many failures on this account, which is blocked for unknown devices'
} as const satisfies Record<Obstacle, string>

/**
 * Creates the guard.
 *
 * @throws {TypeError} for invalid options
 */
export function createLoginGuard(options: LoginGuardOptions): LoginGuard {
  checkOptions(options)
  const { captcha, subjectSecret } = options
  const store = createFailureStore(options)
  // By the attempt object: recording another object than the admitted one requires a captcha again.
  const solved = new WeakSet<LoginAttempt>()

  const decide = (attempt: LoginAttempt, outcome: AttemptFacts['outcome']) =>
    store.decide(subjectKeys(subjectSecret, attempt), {
      knownDevice: attempt.knownDevice,
      captchaUnsolved: captcha !== undefined && !solved.has(attempt),
      outcome
    })

  return {
    async admit(attempt) {
      const decision = await decide(attempt, 'pending')
      if (decision.retryAfterMs > 0) return tooManyAttempts(decision)
      if (!decision.captchaDue || captcha === undefined) return success(undefined)

      const checked = await checkCaptcha(captcha, attempt)
      if (checked.ok) solved.add(attempt)
      return checked
    },

    async record(attempt, outcome) {
      const decision = await decide(attempt, outcome)
      solved.delete(attempt)
      if (isAnswerable(decision)) return { answerable: true, accountAttacked: decision.accountAttacked }
      const isDelayed = decision.retryAfterMs > 0 || captcha === undefined
      return { answerable: false, failure: isDelayed ? tooManyAttempts(decision) : captchaRequired(captcha) }
    },

    clear: subject => store.clear(subjectKeys(subjectSecret, subject))
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
  return failure('captcha-required', 'a captcha is required after repeated failures', { siteKey })
}

/** Rounds the wait up: a client that waits this many whole seconds is admitted. */
function tooManyAttempts({ retryAfterMs, obstacle }: GuardDecision): Failure {
  const reason = obstacle === undefined ? 'too many failures' : OBSTACLE_REASONS[obstacle]
  return failure('too-many-attempts', reason, { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) })
}

function checkOptions(options: LoginGuardOptions): void {
  const { policy, fallbackShare, maxFallbackSubjects, breakerResetMs, subjectSecret } = options
  const { captchaAfterFailures, ...limits } = policy
  checkWholeNumbers({ captchaAfterFailures, maxFallbackSubjects, breakerResetMs })
  for (const limit of Object.values(limits)) checkWholeNumbers(limit)
  if (!(fallbackShare > 0 && fallbackShare <= 1))
    throw new TypeError(`createLoginGuard() expected "fallbackShare" above 0 and at most 1, found ${fallbackShare}`)
  const secretBytes = subjectSecret.symmetricKeySize ?? 0
  if (secretBytes < MIN_SECRET_BYTES)
    throw new TypeError(`createLoginGuard() expected a secret of ${MIN_SECRET_BYTES} bytes, found ${secretBytes} bytes`)
}

function checkWholeNumbers(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw new TypeError(`createLoginGuard() expected "${name}" as a whole number from 1, found ${value}`)
  }
}
