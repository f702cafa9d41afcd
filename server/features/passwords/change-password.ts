/** Changes the password of a signed-in user, after checking the current one. */

import { findUser } from '../../../db/queries/users.ts'
import { lockProvenUser } from '../../guard/lock-proven-user.ts'
import { type Proof, reauthenticate } from '../../guard/reauthenticate.ts'
import type { Client } from '../../lib/client.ts'
import { checkNewPassword } from '../../lib/http/checked-member.ts'
import { type Result, success } from '../../lib/result.ts'
import { USER_GONE } from '../../lib/users/user-gone.ts'
import type { PasswordsOptions } from './options.ts'
import { replacePassword } from './replace-password.ts'

interface PasswordChange {
  readonly userId: string
  /** The session of the request, which does not end. */
  readonly sid: string
  readonly newPassword: string
}

/**
 * Creates the rule. It checks the policy before the proof, so that a new password that is refused does not count as a
 * failed attempt.
 */
export function createChangePassword(options: PasswordsOptions) {
  const { database, hasher, nowMs } = options
  return async (
    { userId, sid, newPassword }: PasswordChange,
    proof: Proof,
    client: Client
  ): Promise<Result<undefined>> => {
    const known = await database.run(db => findUser(db, userId))
    if (known === undefined) return USER_GONE
    const checked = checkNewPassword(options.passwordPolicy, newPassword, known, '/newPassword')
    if (!checked.ok) return checked
    const proven = await reauthenticate(options, known, proof, client)
    if (!proven.ok) return proven
    const passwordHash = await hasher.hash(newPassword)

    const changed = { kind: 'password-changed', passwordHash, exceptSid: sid, client, atMs: nowMs() } as const
    const ended = await database.transaction(async db => {
      const user = await lockProvenUser(db, known)
      return user.ok ? success(await replacePassword(options, db, { ...changed, user: user.value })) : user
    })
    if (!ended.ok) return ended
    options.wakeMail()
    if (ended.value.length > 0) await options.publishEnds(ended.value)
    return success(undefined)
  }
}
