/** Asks for another address: it becomes the account's when the link that is mailed to it is opened. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { deleteMailedTokensOf, insertMailedToken } from '../../../db/queries/registrations.ts'
import { findUser, lockUser } from '../../../db/queries/users.ts'
import { type Proof, reauthenticate } from '../../guard/reauthenticate.ts'
import { invalidMember } from '../../lib/checked-member.ts'
import type { Client } from '../../lib/client.ts'
import { secondsAfter } from '../../lib/lifetimes.ts'
import { createMailedToken } from '../../lib/mailed-token.ts'
import { outboxMail } from '../../lib/outbox-mail.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { VerificationOptions } from './options.ts'

const USER_GONE = failure('session-ended', 'the user of the token is gone')

/**
 * Security: the same statements whether the new address is somebody's or nobody's; the mail worker tells its owner
 * instead of sending the link. Of several requests only the last link is good, so that a mistyped address is taken
 * back by asking for the right one.
 *
 * @param email canonical
 */
export async function changeEmail(
  options: VerificationOptions,
  userId: string,
  email: string,
  proof: Proof,
  client: Client
): Promise<Result<undefined>> {
  const { database, audit, box, nowMs } = options
  const user = await database.run(db => findUser(db, userId))
  if (user === undefined) return USER_GONE
  if (user.email === email) return invalidMember('/email', ['is your address already'])
  const proven = await reauthenticate(options, user, proof, client)
  if (!proven.ok) return proven

  const requestedMs = nowMs()
  const createdAt = new Date(requestedMs)
  const expiresAt = secondsAfter(createdAt, options.verificationTtl)
  const { token, hash } = createMailedToken()
  const row = { tokenHash: hash, purpose: 'change-email' as const, userId, email, createdAt, expiresAt }
  const order = { kind: 'change-email' as const, recipient: email, token, expiresAt }
  const subject = { person: user, details: { newEmail: email } }
  const requested = await database.transaction(async db => {
    // A password that was changed meanwhile was changed for a reason.
    if ((await lockUser(db, userId))?.passwordHash !== user.passwordHash) return false
    await deleteMailedTokensOf(db, userId, ['change-email'])
    await insertMailedToken(db, row)
    await insertOutboxMail(db, outboxMail(box, order, requestedMs))
    await insertAuditEvent(db, audit.event('email-change-requested', 'success', client, requestedMs, subject))
    return true
  })
  if (!requested) return failure('password-incorrect', 'the password was changed at the same time')
  options.wakeMail()
  return success(undefined)
}
