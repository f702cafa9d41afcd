/** The passwords that are accepted. Registration, reset and change use the same check. */

import { isMadeOfKnownWords } from './known-words.ts'
import { normalizePassword } from './normalize-password.ts'

/** Classes of characters that a policy can require. */
export const PASSWORD_CLASSES = {
  upper: { pattern: /\p{Lu}/u, detail: 'must contain an upper-case letter' },
  lower: { pattern: /\p{Ll}/u, detail: 'must contain a lower-case letter' },
  digit: { pattern: /\p{Nd}/u, detail: 'must contain a digit' },
  /** A blank counts as a symbol: password managers and passphrases use it. */
  symbol: { pattern: /[^\p{L}\p{M}\p{N}]/u, detail: 'must contain a symbol' }
} as const

/** The name of a class of characters. */
export type PasswordClass = keyof typeof PASSWORD_CLASSES

/** The requirements of a new password. */
export interface PasswordPolicy {
  /** Code points after NFKC. */
  readonly minLength: number
  /** Empty for the policy of NIST SP 800-63B-4, which requires length instead. */
  readonly classes: readonly PasswordClass[]
  /** Whether a password is leaked or made of a leaked one; see `leaked-passwords.ts`. */
  readonly isLeaked: (password: string) => boolean
}

/** Code points. The bound also keeps the check of a long password cheap. */
export const PASSWORD_MAX_LENGTH = 256

/**
 * The faults of a password, in words for the user. Empty where the password is accepted.
 *
 * @param knownWords words of the user and the product, which an attacker tries first
 */
export function passwordFaults(policy: PasswordPolicy, password: string, knownWords: readonly string[]): string[] {
  const normalized = normalizePassword(password)
  const length = [...normalized].length
  return [
    ...(length < policy.minLength ? [`must have at least ${policy.minLength} characters`] : []),
    ...(length > PASSWORD_MAX_LENGTH ? [`must have at most ${PASSWORD_MAX_LENGTH} characters`] : []),
    ...policy.classes
      .filter(name => !PASSWORD_CLASSES[name].pattern.test(normalized))
      .map(name => PASSWORD_CLASSES[name].detail),
    ...(isMadeOfKnownWords(normalized, knownWords)
      ? ['must not be made of your name, your email address or the name of this service']
      : []),
    ...(policy.isLeaked(normalized) ? ['is on the list of leaked passwords, or too close to one of them'] : [])
  ]
}
