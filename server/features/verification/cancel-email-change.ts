/** Cancels a change of address with the token that was mailed to the old address. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { consumeMailedToken, deleteMailedTokensOf, lockUserOfMailedToken } from '../../../db/queries/mailed-tokens.ts'
import { findUser } from '../../../db/queries/users.ts'
import type { Client } from '../../lib/client.ts'
import { hashMailedToken } from '../../lib/crypto/mailed-token.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { VerificationOptions } from './options.ts'

const LINK_EXPIRED = failure('link-expired', 'the mailed token is unknown, used or expired')

/**
 * Voids the link to the new address and every other link that cancels. Locks come in the order of `verifyEmail`, so that
 * of confirming and cancelling at the same moment one succeeds.
 *
 * Sessions and password stay: the owner may only have mistyped the new address. The email and the page say to choose a
 * new password where the request was not the owner's, which ends every session and voids every link.
 */
export async function cancelEmailChange(
  { database, audit, nowMs }: VerificationOptions,
  token: string,
  client: Client
): Promise<Result<undefined>> {
  const tokenHash = hashMailedToken(token)
  const atMs = nowMs()
  const cancelled = await database.transaction(async db => {
    await lockUserOfMailedToken(db, tokenHash)
    const mailed = await consumeMailedToken(db, tokenHash, ['cancel-email-change'], new Date(atMs))
    const user = mailed?.userId ? await findUser(db, mailed.userId) : undefined
    if (user === undefined) return false
    await deleteMailedTokensOf(db, user.id, ['change-email', 'cancel-email-change'])
    await insertAuditEvent(db, audit.event({ kind: 'email-change-cancelled', client, atMs, person: user }))
    return true
  })
  return cancelled ? success(undefined) : LINK_EXPIRED
}
