/** Requests a change of email address. It takes effect when the link that is mailed to the new address is opened. */

import type { Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { deleteMailedTokensOf, insertMailedToken } from '../../../db/queries/mailed-tokens.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { isSessionLive } from '../../../db/queries/sessions.ts'
import { findUser, type User } from '../../../db/queries/users.ts'
import { lockProvenUser } from '../../guard/lock-proven-user.ts'
import { type Proof, reauthenticate } from '../../guard/reauthenticate.ts'
import type { Client } from '../../lib/client.ts'
import { createMailedToken } from '../../lib/crypto/mailed-token.ts'
import { invalidMember } from '../../lib/http/checked-member.ts'
import { secondsAfter } from '../../lib/lifetimes.ts'
import { outboxMail } from '../../lib/mail/outbox-mail.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import { USER_GONE } from '../../lib/users/user-gone.ts'
import type { VerificationOptions } from './options.ts'

const SESSION_ENDED = failure('session-ended', 'the session was ended at the same time')

interface EmailChange {
  readonly userId: string
  /** The session of the request. */
  readonly sid: string
  /** The wanted address, canonical. */
  readonly email: string
}

/**
 * Creates the rule.
 *
 * Security: the statements are the same whether the new address has an account or not. If it has one, the mail worker
 * notifies its owner instead of sending the link.
 *
 * Of several requests only the last link is valid, so a user corrects a mistyped address by a second request. The old
 * address is notified at once. Each link that it gets cancels the change that is pending when the link is opened, so a
 * second request of a thief does not void the owner's link.
 */
export function createChangeEmail(options: VerificationOptions) {
  return async (change: EmailChange, proof: Proof, client: Client): Promise<Result<undefined>> => {
    const { database, nowMs } = options
    const { userId, email } = change
    const user = await database.run(db => findUser(db, userId))
    if (user === undefined) return USER_GONE
    if (user.email === email) return invalidMember('/email', ['is your address already'])
    const proven = await reauthenticate(options, user, proof, client)
    if (!proven.ok) return proven

    const provenChange = { ...change, user, client, atMs: nowMs() }
    const requested = await database.transaction(db => request(options, db, provenChange))
    if (!requested.ok) return requested
    options.wakeMail()
    return success(undefined)
  }
}

interface ProvenChange extends EmailChange {
  /** As read before the password was verified. */
  readonly user: User
  readonly client: Client
  readonly atMs: number
}

async function request(
  options: VerificationOptions,
  db: Queryable,
  { user, sid, email, client, atMs }: ProvenChange
): Promise<Result<undefined>> {
  const locked = await lockProvenUser(db, user)
  if (!locked.ok) return locked
  if (!(await isSessionLive(db, sid))) return SESSION_ENDED
  await deleteMailedTokensOf(db, user.id, ['change-email'])
  await mailLink(options, db, { ...CONFIRMING, user: locked.value, email, recipient: email, atMs })
  await mailLink(options, db, { ...CANCELLING, user: locked.value, email, recipient: locked.value.email, atMs })
  const subject = { person: user, details: { newEmail: email } }
  await insertAuditEvent(db, options.audit.event({ kind: 'email-change-requested', client, atMs, ...subject }))
  return success(undefined)
}

const CONFIRMING = { purpose: 'change-email', kind: 'change-email' } as const
const CANCELLING = { purpose: 'cancel-email-change', kind: 'email-change-requested' } as const

interface Link {
  readonly purpose: 'change-email' | 'cancel-email-change'
  readonly kind: 'change-email' | 'email-change-requested'
  readonly user: User
  /** The wanted address. */
  readonly email: string
  readonly recipient: string
  readonly atMs: number
}

async function mailLink(
  { box, verificationTtl }: VerificationOptions,
  db: Queryable,
  { purpose, kind, user, email, recipient, atMs }: Link
): Promise<void> {
  const { token, hash } = createMailedToken()
  const createdAt = new Date(atMs)
  const expiresAt = secondsAfter(createdAt, verificationTtl)
  await insertMailedToken(db, { tokenHash: hash, purpose, userId: user.id, email, createdAt, expiresAt })
  await insertOutboxMail(db, outboxMail(box, { kind, recipient, userId: user.id, token, expiresAt }, atMs))
}
