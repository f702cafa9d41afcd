/** Asks for another address: it becomes the account's when the link that is mailed to it is opened. */

import type { Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { deleteMailedTokensOf, insertMailedToken } from '../../../db/queries/mailed-tokens.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { isSessionLive } from '../../../db/queries/sessions.ts'
import { findUser, lockUser, type User } from '../../../db/queries/users.ts'
import { type Proof, reauthenticate } from '../../guard/reauthenticate.ts'
import type { Client } from '../../lib/client.ts'
import { createMailedToken } from '../../lib/crypto/mailed-token.ts'
import { invalidMember } from '../../lib/http/checked-member.ts'
import { secondsAfter } from '../../lib/lifetimes.ts'
import { outboxMail } from '../../lib/mail/outbox-mail.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { VerificationOptions } from './options.ts'

const USER_GONE = failure('session-ended', 'the user of the token is gone')
const SESSION_ENDED = failure('session-ended', 'the session was ended at the same time')
const PASSWORD_CHANGED = failure('password-incorrect', 'the password was changed at the same time')

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
 * a second request of a thief does not take away the owner's link.
 */
export async function changeEmail(
  options: VerificationOptions,
  { userId, sid, email }: EmailChange,
  proof: Proof,
  client: Client
): Promise<Result<undefined>> {
  const { database, audit, nowMs } = options
  const user = await database.run(db => findUser(db, userId))
  if (user === undefined) return USER_GONE
  if (user.email === email) return invalidMember('/email', ['is your address already'])
  const proven = await reauthenticate(options, user, proof, client)
  if (!proven.ok) return proven

  const requestedMs = nowMs()
  const subject = { person: user, details: { newEmail: email } }
  const refused = await database.transaction(async db => {
    // A password that was changed meanwhile, or a session that was ended, was so for a reason.
    const locked = await lockUser(db, userId)
    if (locked?.passwordHash !== user.passwordHash) return PASSWORD_CHANGED
    if (!(await isSessionLive(db, sid))) return SESSION_ENDED
    await deleteMailedTokensOf(db, userId, ['change-email'])
    await mailLink(options, db, CONFIRMING, { user: locked, email, recipient: email }, requestedMs)
    await mailLink(options, db, CANCELLING, { user: locked, email, recipient: locked.email }, requestedMs)
    await insertAuditEvent(db, audit.event({ kind: 'email-change-requested', client, atMs: requestedMs, ...subject }))
    return undefined
  })
  if (refused !== undefined) return refused
  options.wakeMail()
  return success(undefined)
}

const CONFIRMING = { purpose: 'change-email', kind: 'change-email' } as const
const CANCELLING = { purpose: 'cancel-email-change', kind: 'email-change-requested' } as const

interface LinkTarget {
  readonly user: User
  /** The wanted address. */
  readonly email: string
  readonly recipient: string
}

async function mailLink(
  { box, verificationTtl }: VerificationOptions,
  db: Queryable,
  { purpose, kind }: typeof CONFIRMING | typeof CANCELLING,
  { user, email, recipient }: LinkTarget,
  requestedMs: number
): Promise<void> {
  const { token, hash } = createMailedToken()
  const createdAt = new Date(requestedMs)
  const expiresAt = secondsAfter(createdAt, verificationTtl)
  await insertMailedToken(db, { tokenHash: hash, purpose, userId: user.id, email, createdAt, expiresAt })
  const order = { kind, recipient, userId: user.id, token, expiresAt }
  await insertOutboxMail(db, outboxMail(box, order, requestedMs))
}
