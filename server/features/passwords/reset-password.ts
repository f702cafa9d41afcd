/** Sets a new password with a mailed token. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { consumeMailedToken, findUserOfMailedToken } from '../../../db/queries/mailed-tokens.ts'
import { lockUser } from '../../../db/queries/users.ts'
import { unblockOwner } from '../../guard/unblock-owner.ts'
import type { Client } from '../../lib/client.ts'
import { hashMailedToken } from '../../lib/crypto/mailed-token.ts'
import { checkNewPassword } from '../../lib/http/checked-member.ts'
import { type Result, success } from '../../lib/result.ts'
import { LINK_EXPIRED } from '../../lib/users/link-expired.ts'
import type { PasswordsOptions } from './options.ts'
import { replacePassword } from './replace-password.ts'

interface Reset {
  readonly token: string
  readonly password: string
  /** The device marks that the request carries. */
  readonly presentedMarks: readonly string[]
}

/** Creates the rule that checks a new password before its owner is known. */
export function createCheckPassword({ passwordPolicy }: PasswordsOptions) {
  return (password: string): Result<string> => checkNewPassword(passwordPolicy, password, undefined)
}

/**
 * Creates the rule. It looks the token up before it hashes the password, so an invalid token costs little. It consumes
 * the token in the transaction that sets the password. A password that the policy refuses leaves the token unused, and
 * of several attempts at once only one succeeds.
 *
 * Every session ends and none begins. The block of the account after failed logins is lifted, so the owner can sign in
 * with the new password. The rule returns the new mark of the device.
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
    // A failure to publish is not reported: the token is used up, and the revocation keeper publishes the ends later.
    if (ended.length > 0) await options.publishEnds(ended)
    return success(await unblockOwner(options, { email, presentedMarks }, client))
  }
}
