/** Replaces a password, with everything that follows from it, inside the transaction of the caller. */

import type { Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { endSessionsOf } from '../../../db/queries/session-ends.ts'
import { setPassword, type User } from '../../../db/queries/users.ts'
import type { Client } from '../../lib/client.ts'
import { noticeMail } from '../../lib/mail/outbox-mail.ts'
import type { PasswordsOptions } from './options.ts'

interface Replacement {
  readonly kind: 'password-reset' | 'password-changed'
  readonly user: User
  readonly passwordHash: string
  /** The session that does not end; all others do. */
  readonly exceptSid?: string
  /** The user has also proven to own the email address. */
  readonly emailVerified?: true
  readonly client: Client
  readonly atMs: number
}

/**
 * Replaces the password, ends the sessions, voids the links that were mailed before, and notifies the owner.
 *
 * Security: a reset that was requested earlier, or a change of address that a thief began, would otherwise undo the
 * change of the owner.
 *
 * @param db a transaction that has locked the user
 * @returns the ids of the sessions that ended
 */
export async function replacePassword(
  { audit, box }: PasswordsOptions,
  db: Queryable,
  replacement: Replacement
): Promise<string[]> {
  const { kind, user, exceptSid, client, atMs, ...change } = replacement
  const now = new Date(atMs)
  await setPassword(db, user.id, change, now)
  const ended = await endSessionsOf(db, user.id, { exceptId: exceptSid, reason: kind, now })
  const subject = { person: user, details: { endedSessions: String(ended.length) } }
  await insertAuditEvent(db, audit.event({ kind, client, atMs, ...subject }))
  await insertOutboxMail(db, noticeMail(box, 'password-changed', user, atMs))
  return ended
}
