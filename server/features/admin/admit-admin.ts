/** Decides whether the bearer of a verified token is an administrator. */

import { findUser, type User } from '../../../db/queries/users.ts'
import type { AccessClaims } from '../../../edge/contract/claims.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import { isActiveAdmin } from './account-status.ts'
import type { AdminOptions } from './options.ts'

/** Creates the rule. The token must name the role, and the database must still confirm it. */
export function createAdmitAdmin({ database }: AdminOptions) {
  return async ({ sub, role }: Pick<AccessClaims, 'sub' | 'role'>): Promise<Result<User>> => {
    if (role !== 'admin') return failure('forbidden', `expected the role "admin" in the token, found "${role}"`)
    const user = await database.run(db => findUser(db, sub))
    if (user !== undefined && isActiveAdmin(user)) return success(user)
    return failure('forbidden', 'the user of the token is not an administrator any more')
  }
}
