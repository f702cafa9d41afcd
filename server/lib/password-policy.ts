/** Which passwords people may choose. The same check at registration, reset and change. */

/** Kinds of characters that a policy can ask for. */
export const PASSWORD_CLASSES = {
  upper: { pattern: /\p{Lu}/u, detail: 'must contain an upper-case letter' },
  lower: { pattern: /\p{Ll}/u, detail: 'must contain a lower-case letter' },
  digit: { pattern: /\p{Nd}/u, detail: 'must contain a digit' },
  symbol: { pattern: /[^\p{L}\p{M}\p{N}\s]/u, detail: 'must contain a symbol' }
} as const

export type PasswordClass = keyof typeof PASSWORD_CLASSES

export interface PasswordPolicy {
  /** Code points after NFKC. */
  readonly minLength: number
  /** Empty for the way of NIST SP 800-63B-4, which asks for length instead. */
  readonly classes: readonly PasswordClass[]
  /** Whether a password is on the list of leaked ones. */
  readonly isLeaked: (password: string) => boolean
}

/** Code points; also the bound that keeps hashing cheap to refuse. */
export const PASSWORD_MAX_LENGTH = 256

/** One spelling for what different keyboards produce (NIST SP 800-63B-4 §3.1.1.2); nothing trimmed. */
export function normalizePassword(password: string): string {
  return password.normalize('NFKC')
}

/**
 * What is wrong with a password, in words for the person who chose it; empty where nothing is.
 *
 * @param avoid words of the person and the product, which an attacker tries first
 */
export function passwordFaults(policy: PasswordPolicy, password: string, avoid: readonly string[]): string[] {
  const normalized = normalizePassword(password)
  const length = [...normalized].length
  const lower = normalized.toLowerCase()
  return [
    ...(length < policy.minLength ? [`must have at least ${policy.minLength} characters`] : []),
    ...(length > PASSWORD_MAX_LENGTH ? [`must have at most ${PASSWORD_MAX_LENGTH} characters`] : []),
    ...policy.classes
      .filter(name => !PASSWORD_CLASSES[name].pattern.test(normalized))
      .map(name => PASSWORD_CLASSES[name].detail),
    ...(avoid.some(word => word.toLowerCase() === lower)
      ? ['must not be your address or the name of this service']
      : []),
    ...(policy.isLeaked(normalized) ? ['is on the list of leaked passwords'] : [])
  ]
}
