/** Tells the owner of an account that somebody is guessing its password, and records it. */

import type { Database } from '../../db/client.ts'
import { insertAuditEvent } from '../../db/queries/audit.ts'
import { insertOutboxMail } from '../../db/queries/outbox.ts'
import type { User } from '../../db/queries/users.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import type { Client } from '../lib/client.ts'
import type { SealedBox } from '../lib/crypto/sealed-box.ts'
import { noticeMail } from '../lib/mail/outbox-mail.ts'

export interface NotifyOfAttackOptions {
  readonly database: Database
  readonly audit: AuditRows
  readonly box: SealedBox
  readonly nowMs: () => number
  readonly wakeMail: () => void
}

/**
 * To be called once per attack: the guard says when.
 *
 * Security: the same statements whether the address has an account or not, otherwise the time of the failure that
 * begins the protection would tell. The mail worker finds out whether there is an owner.
 *
 * @param account the canonical address
 * @param owner of the account, where there is one
 */
export async function notifyOfAttack(
  options: NotifyOfAttackOptions,
  account: string,
  owner: User | undefined,
  client: Client
): Promise<void> {
  const { database, audit, box, nowMs } = options
  const attackedMs = nowMs()
  const subject = owner ? { person: owner } : {}
  await database.transaction(async db => {
    await insertAuditEvent(db, audit.event({ kind: 'account-attacked', client, atMs: attackedMs, ...subject }))
    await insertOutboxMail(db, noticeMail(box, 'account-attacked', { email: account }, attackedMs))
  })
  options.wakeMail()
}
