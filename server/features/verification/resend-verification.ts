/** Requests another verification link. The mail worker decides later what the owner of the address gets. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import type { Client } from '../../lib/client.ts'
import { secondsAfter } from '../../lib/lifetimes.ts'
import { outboxMail } from '../../lib/mail/outbox-mail.ts'
import type { VerificationOptions } from './options.ts'

/**
 * Creates the rule. It takes the canonical email address.
 *
 * Security: the same two inserts for every address. Neither the answer nor its time shows which address is waiting.
 */
export function createResendVerification(options: VerificationOptions) {
  const { database, audit, box, nowMs } = options
  return async (email: string, client: Client): Promise<void> => {
    const requestedMs = nowMs()
    const expiresAt = secondsAfter(new Date(requestedMs), options.verificationTtl)
    const order = { kind: 'verification-requested' as const, recipient: email, expiresAt }
    await database.transaction(async db => {
      await insertOutboxMail(db, outboxMail(box, order, requestedMs))
      await insertAuditEvent(db, audit.event({ kind: 'verification-resent', client, atMs: requestedMs }))
    })
    options.wakeMail()
  }
}
