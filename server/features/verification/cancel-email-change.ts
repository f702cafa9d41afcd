/** Cancels a change of email address with the token that was mailed to the old address. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { consumeMailedToken, deleteMailedTokensOf, lockUserOfMailedToken } from '../../../db/queries/mailed-tokens.ts'
import { findUser } from '../../../db/queries/users.ts'
import type { Client } from '../../lib/client.ts'
import { hashMailedToken } from '../../lib/crypto/mailed-token.ts'
import { type Result, success } from '../../lib/result.ts'
import { LINK_EXPIRED } from '../../lib/users/link-expired.ts'
import type { VerificationOptions } from './options.ts'

/**
 * Creates the rule. It voids the link to the new address and every other link that cancels.
 *
 * It locks in the order of `verify-email.ts`: of a confirmation and a cancellation at the same moment, one succeeds.
 *
 * Sessions and password stay: the owner may only have mistyped the new address. The email and the page ask the owner to
 * choose a new password if the request came from another person. That ends every session and voids every link.
 */
export function createCancelEmailChange({ database, audit, nowMs }: VerificationOptions) {
  return async (token: string, client: Client): Promise<Result<undefined>> => {
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
}
