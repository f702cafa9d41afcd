/** Asks for a link that sets a new password. Whose address it is does not matter here: the mail worker decides. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import type { Client } from '../../lib/client.ts'
import { secondsAfter } from '../../lib/lifetimes.ts'
import { outboxMail } from '../../lib/mail/outbox-mail.ts'
import type { PasswordsOptions } from './options.ts'

/**
 * Security: the same two inserts whatever the address, so that neither the answer nor its time tells who has an account.
 *
 * @param email canonical
 */
export function createForgotPassword({ database, audit, box, resetTtl, nowMs, wakeMail }: PasswordsOptions) {
  return async (email: string, client: Client): Promise<void> => {
    const requestedMs = nowMs()
    const expiresAt = secondsAfter(new Date(requestedMs), resetTtl)
    const order = { kind: 'reset-requested' as const, recipient: email, expiresAt }
    await database.transaction(async db => {
      await insertOutboxMail(db, outboxMail(box, order, requestedMs))
      await insertAuditEvent(db, audit.event({ kind: 'password-reset-requested', client, atMs: requestedMs }))
    })
    wakeMail()
  }
}
