/** Asks for another address: it becomes the account's when the link that is mailed to it is opened. */

import type { Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { deleteMailedTokensOf, insertMailedToken } from '../../../db/queries/registrations.ts'
import { isSessionLive } from '../../../db/queries/sessions.ts'
import { findUser, lockUser } from '../../../db/queries/users.ts'
import { type Proof, reauthenticate } from '../../guard/reauthenticate.ts'
import { invalidMember } from '../../lib/checked-member.ts'
import type { Client } from '../../lib/client.ts'
import { secondsAfter } from '../../lib/lifetimes.ts'
import { createMailedToken } from '../../lib/mailed-token.ts'
import { type MailKind, outboxMail } from '../../lib/outbox-mail.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { VerificationOptions } from './options.ts'

const USER_GONE = failure('session-ended', 'the user of the token is gone')
const SESSION_ENDED = failure('session-ended', 'the session was ended at the same time')
const PASSWORD_CHANGED = failure('password-incorrect', 'the password was changed at the same time')

type LinkPurpose = 'change-email' | 'cancel-email-change'

export interface EmailChange {
  readonly userId: string
  /** The session that asks. */
  readonly sid: string
  /** Canonical. */
  readonly email: string
}

/**
 * Security: the same statements whether the new address is taken or free; the mail worker tells its owner instead of
 * sending the link. Of several requests only the last link is good, so that a mistyped address is taken back by asking
 * for the right one. The old address is told at once. Each link to it cancels whatever change is open by then, so that
 * a thief who asks again does not take the owner's way out.
 */
export async function changeEmail(
  options: VerificationOptions,
  { userId, sid, email }: EmailChange,
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
  const mailLink = async (db: Queryable, purpose: LinkPurpose, kind: MailKind, recipient: string) => {
    const { token, hash } = createMailedToken()
    await insertMailedToken(db, { tokenHash: hash, purpose, userId, email, createdAt, expiresAt })
    const order = { kind, recipient, userId, name: user.name, token, expiresAt }
    await insertOutboxMail(db, outboxMail(box, order, requestedMs))
  }
  const subject = { person: user, details: { newEmail: email } }
  const refused = await database.transaction(async db => {
    // A password that was changed meanwhile, or a session that was ended, was so for a reason.
    if ((await lockUser(db, userId))?.passwordHash !== user.passwordHash) return PASSWORD_CHANGED
    if (!(await isSessionLive(db, sid))) return SESSION_ENDED
    await deleteMailedTokensOf(db, userId, ['change-email'])
    await mailLink(db, 'change-email', 'change-email', email)
    await mailLink(db, 'cancel-email-change', 'email-change-requested', user.email)
    await insertAuditEvent(db, audit.event('email-change-requested', 'success', client, requestedMs, subject))
    return undefined
  })
  if (refused !== undefined) return refused
  options.wakeMail()
  return success(undefined)
}
