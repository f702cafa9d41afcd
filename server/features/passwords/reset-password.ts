/** Sets a new password with a mailed token. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { consumeMailedToken, findUserOfMailedToken } from '../../../db/queries/mailed-tokens.ts'
import { lockUser } from '../../../db/queries/users.ts'
import { unblockOwner } from '../../guard/unblock-owner.ts'
import type { Client } from '../../lib/client.ts'
import { hashMailedToken } from '../../lib/crypto/mailed-token.ts'
import { checkNewPassword } from '../../lib/http/checked-member.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { PasswordsOptions } from './options.ts'
import { replacePassword } from './replace-password.ts'

export interface Reset {
  readonly token: string
  readonly password: string
  /** The marks that the device presented. */
  readonly presentedMarks: readonly string[]
}

const LINK_EXPIRED = failure('link-expired', 'the mailed token is unknown, used or expired')

/** Checks a new password as far as that needs nobody looked up. */
export function createCheckPassword({ passwordPolicy }: PasswordsOptions) {
  return (password: string): Result<string> => checkNewPassword(passwordPolicy, password, undefined)
}

/**
 * A token is looked up before anything is hashed, so that garbage costs nothing, and taken in the transaction that
 * sets the password, so that a password which the policy refuses does not use it up and of many attempts at once one
 * succeeds. Every session ends and none begins: the client signs in with the new password, and nothing that others have
 * guessed before stands in its way.
 *
 * @returns the new mark of the device
 */
export function createResetPassword(options: PasswordsOptions) {
  const { database, audit, hasher, nowMs } = options
  return async ({ token, password, presentedMarks }: Reset, client: Client): Promise<Result<string>> => {
    const tokenHash = hashMailedToken(token)
    const owner = await database.run(db => findUserOfMailedToken(db, tokenHash, 'reset-password', new Date(nowMs())))
    if (owner === undefined) return LINK_EXPIRED
    const checked = checkNewPassword(options.passwordPolicy, password, owner)
    if (!checked.ok) return checked
    const passwordHash = await hasher.hash(password)

    const atMs = nowMs()
    const reset = { kind: 'password-reset', passwordHash, emailVerified: true, client, atMs } as const
    const replaced = await database.transaction(async db => {
      const user = await lockUser(db, owner.id)
      const taken = await consumeMailedToken(db, tokenHash, ['reset-password'], new Date(atMs))
      if (user === undefined || taken === undefined) return undefined
      if (!user.emailVerified) {
        await insertAuditEvent(db, audit.event({ kind: 'email-verified', client, atMs, person: user }))
      }
      return { email: user.email, ended: await replacePassword(options, db, { ...reset, user }) }
    })
    if (replaced === undefined) return LINK_EXPIRED
    const { email, ended } = replaced
    options.wakeMail()
    // Where the edges cannot be told at once it is retried; asking again with a used token could not help.
    if (ended.length > 0) await options.publishEnds(ended)
    return success(await unblockOwner(options, { email, presentedMarks }, client))
  }
}
