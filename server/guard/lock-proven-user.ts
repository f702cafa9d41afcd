/** Locks a user after the password was verified, and makes sure that the password has not been changed since. */

import type { Queryable } from '../../db/client.ts'
import { lockUser, type User } from '../../db/queries/users.ts'
import { failure, type Result, success } from '../lib/result.ts'
import { USER_GONE } from '../lib/users/user-gone.ts'

const PASSWORD_CHANGED = failure('password-incorrect', 'the password was changed at the same time')

/**
 * Locks the row of `proven` until the transaction ends.
 *
 * Security: after a change of the password, a proof of the former one is void. The owner may have changed the password
 * because an attacker knows it.
 *
 * @param proven as read before the password was verified
 * @returns the locked row, or the failure to answer with
 */
export async function lockProvenUser(db: Queryable, proven: User): Promise<Result<User>> {
  const user = await lockUser(db, proven.id)
  if (user === undefined) return USER_GONE
  return user.passwordHash === proven.passwordHash ? success(user) : PASSWORD_CHANGED
}
