/** Which passwords are accepted. The same check at registration, reset and change. */

import { isMadeOfKnownWords } from './known-words.ts'
import { normalizePassword } from './normalize-password.ts'

/** Kinds of characters that a policy can ask for. */
export const PASSWORD_CLASSES = {
  upper: { pattern: /\p{Lu}/u, detail: 'must contain an upper-case letter' },
  lower: { pattern: /\p{Ll}/u, detail: 'must contain a lower-case letter' },
  digit: { pattern: /\p{Nd}/u, detail: 'must contain a digit' },
  /** A blank is one: password managers and passphrases use it. */
  symbol: { pattern: /[^\p{L}\p{M}\p{N}]/u, detail: 'must contain a symbol' }
} as const

export type PasswordClass = keyof typeof PASSWORD_CLASSES

export interface PasswordPolicy {
  /** Code points after NFKC. */
  readonly minLength: number
  /** Empty for the way of NIST SP 800-63B-4, which asks for length instead. */
  readonly classes: readonly PasswordClass[]
  /** Whether a password is a leaked one, or made of one; see `leaked-passwords.ts`. */
  readonly isLeaked: (password: string) => boolean
}

/** Code points; also the bound that keeps hashing cheap to refuse. */
export const PASSWORD_MAX_LENGTH = 256

/**
 * What is wrong with a password, in words for the person who chose it; empty where nothing is.
 *
 * @param knownWords words of the person and the product, which an attacker tries first
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
      ? ['must not be made of your name, your address or the name of this service']
      : []),
    ...(policy.isLeaked(normalized) ? ['is on the list of leaked passwords, or too close to one on it'] : [])
  ]
}
