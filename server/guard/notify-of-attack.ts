/** Notifies the owner of an account of an attempt to guess the password, and records the attack in the audit log. */

import type { Database } from '../../db/client.ts'
import { insertAuditEvent } from '../../db/queries/audit.ts'
import { insertOutboxMail } from '../../db/queries/outbox.ts'
import type { User } from '../../db/queries/users.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import type { Client } from '../lib/client.ts'
import type { SealedBox } from '../lib/crypto/sealed-box.ts'
import { noticeMail } from '../lib/mail/outbox-mail.ts'

/** The ports of a notice of an attack. */
export interface NotifyOfAttackOptions {
  readonly database: Database
  readonly audit: AuditRows
  readonly box: SealedBox
  readonly nowMs: () => number
  readonly wakeMail: () => void
}

/**
 * Notifies of one attack. Call it once for each result of the guard with `accountAttacked`.
 *
 * Security: the same statements run whether or not the email address has an account. Otherwise the time of the failure that
 * begins the block would reveal which addresses have one. The mail worker finds out later.
 *
 * @param email the canonical email address that was attacked
 * @param owner the user with this email address, if there is one
 */
export async function notifyOfAttack(
  options: NotifyOfAttackOptions,
  email: string,
  owner: User | undefined,
  client: Client
): Promise<void> {
  const { database, audit, box, nowMs } = options
  const attackedMs = nowMs()
  const subject = owner ? { person: owner } : {}
  await database.transaction(async db => {
    await insertAuditEvent(db, audit.event({ kind: 'account-attacked', client, atMs: attackedMs, ...subject }))
    await insertOutboxMail(db, noticeMail(box, 'account-attacked', { email }, attackedMs))
  })
  options.wakeMail()
}
