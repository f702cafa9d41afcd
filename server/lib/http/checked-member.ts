/** Checks single members of request bodies, with failures that name the member. The policies have files of their own. */

import { type PasswordPolicy, passwordFaults } from '../passwords/password-policy.ts'
import { type Failure, failure, type Result, success } from '../result.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import { parsePersonName } from '../users/person-name.ts'

/** Words that an attacker tries first. */
const PRODUCT_NAMES = ['gatehouse']

/** The failure of one member, with the details for the user. */
export function invalidMember(pointer: string, details: readonly string[]): Failure {
  return failure('invalid-request', `expected a valid ${pointer}, found one that violates its policy`, {
    errors: details.map(detail => ({ pointer, detail }))
  })
}

/** Checks an email address. The value is its canonical form. */
export function checkEmail(text: string): Result<string> {
  const email = parseEmailAddress(text)
  return email === undefined ? invalidMember('/email', ['must be a plain email address']) : success(email)
}

/** Checks a name. The value is its canonical form. */
export function checkName(text: string): Result<string> {
  const name = parsePersonName(text)
  return name === undefined
    ? invalidMember('/name', ['must be 1 to 100 characters that can be shown on one line'])
    : success(name)
}

/** The words that an attacker knows about the owner of an account. */
export interface PasswordOwner {
  readonly email: string
  readonly name: string
}

/**
 * Checks a new password. The value is the password as it was typed.
 *
 * @param owner undefined while the owner is not known; the words of the owner are then not checked
 */
export function checkNewPassword(
  policy: PasswordPolicy,
  password: string,
  owner: PasswordOwner | undefined,
  pointer = '/password'
): Result<string> {
  const ownWords = owner === undefined ? [] : [owner.email, owner.name]
  const faults = passwordFaults(policy, password, [...ownWords, ...PRODUCT_NAMES])
  return faults.length > 0 ? invalidMember(pointer, faults) : success(password)
}
