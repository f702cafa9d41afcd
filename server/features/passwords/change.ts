/** Changes the password of somebody who is signed in and knows the present one. */

import { findUser, lockUser } from '../../../db/queries/users.ts'
import { type Proof, reauthenticate } from '../../guard/reauthenticate.ts'
import type { Client } from '../../lib/client.ts'
import { checkNewPassword } from '../../lib/http/checked-member.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { PasswordsOptions } from './options.ts'
import { replacePassword } from './replace-password.ts'

export interface PasswordChange {
  readonly userId: string
  /** The session that goes on. */
  readonly sid: string
  readonly newPassword: string
}

const USER_GONE = failure('session-ended', 'the user of the token is gone')

/** The policy comes before the proof: a new password that is refused must not count as an attempt at the old one. */
export async function change(
  options: PasswordsOptions,
  { userId, sid, newPassword }: PasswordChange,
  proof: Proof,
  client: Client
): Promise<Result<undefined>> {
  const { database, nowMs } = options
  const known = await database.run(db => findUser(db, userId))
  if (known === undefined) return USER_GONE
  const checked = checkNewPassword(options.passwordPolicy, newPassword, known, '/newPassword')
  if (!checked.ok) return checked
  const proven = await reauthenticate(options, known, proof, client)
  if (!proven.ok) return proven
  const passwordHash = await options.hasher.hash(newPassword)

  const changedMs = nowMs()
  const ended = await database.transaction(async db => {
    const user = await lockUser(db, userId)
    // Somebody has set another one meanwhile: what was proven is not the password any more.
    if (user?.passwordHash !== known.passwordHash) return undefined
    return replacePassword(options, db, 'password-changed', { user, passwordHash, exceptSid: sid }, client, changedMs)
  })
  if (ended === undefined) return failure('password-incorrect', 'the password was changed at the same time')
  options.wakeMail()
  if (ended.length > 0) await options.publishEnds(ended)
  return success(undefined)
}
