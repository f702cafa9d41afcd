/** What stands between a password and whoever guesses: asked before a password is looked at, and told how it went. */

import type { Failure, Result } from '../lib/result.ts'

export interface LoginAttempt {
  /** The canonical address, known or not: both count alike. */
  readonly account: string
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
export type Settled =
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
  settle(attempt: LoginAttempt, correct: boolean): Promise<Settled>
}
