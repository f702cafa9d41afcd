/** Whether a password is on the list of leaked ones, looked up in memory; where the answer counts is `password-policy.ts`. */

import { dictionary } from '@zxcvbn-ts/language-common'
import { normalizePassword } from './password-policy.ts'

/** Whether a password is on the list. */
export type IsLeaked = (password: string) => boolean

/** What `@zxcvbn-ts/language-common` keeps: the most common passwords of public leaks, most common first. */
const KEPT_LIST: readonly string[] = dictionary['passwords-common']

/**
 * Creates the check over a list. It is complete once it is returned: there is no time in which a leaked password passes.
 *
 * Both sides are compared after NFKC and in lower case, because an attacker who has the list tries both cases. It is
 * exact: nothing is refused that is not on the list.
 */
export function createLeakedPasswords(list: readonly string[] = KEPT_LIST): IsLeaked {
  // Security: an empty list would let everything through without a word.
  if (list.length === 0) throw new Error('Cannot check for leaked passwords: the list is empty. Reinstall its package')
  const leaked = new Set(list.map(fold))
  return password => leaked.has(fold(password))
}

function fold(password: string): string {
  return normalizePassword(password).toLowerCase()
}
