/** Members of request bodies held against a policy, as the failures that name them; the policies have files of their own. */

import { type PasswordPolicy, passwordFaults } from '../passwords/password-policy.ts'
import { type Failure, failure, type Result, success } from '../result.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import { parsePersonName } from '../users/person-name.ts'

/** What an attacker tries first. */
const PRODUCT_NAMES = ['gatehouse']

/** The failure that says what is wrong with one member. */
export function invalidMember(pointer: string, details: readonly string[]): Failure {
  return failure('invalid-request', `${pointer} violates a policy`, {
    errors: details.map(detail => ({ pointer, detail }))
  })
}

/** The canonical form of an address. */
export function checkEmail(text: string): Result<string> {
  const email = parseEmailAddress(text)
  return email === undefined ? invalidMember('/email', ['must be a plain mail address']) : success(email)
}

/** The canonical form of a name. */
export function checkName(text: string): Result<string> {
  const name = parsePersonName(text)
  return name === undefined
    ? invalidMember('/name', ['must be 1 to 100 characters that can be shown on one line'])
    : success(name)
}

/** What an attacker knows about the owner of an account. */
export interface PasswordOwner {
  readonly email: string
  readonly name: string
}

/**
 * A new password, as it was typed.
 *
 * @param owner where it is not known yet, everything that does not need it is checked
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
