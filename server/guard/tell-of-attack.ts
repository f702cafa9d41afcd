/** Tells the owner of an account that somebody is guessing its password, and records it. */

import type { Database } from '../../db/client.ts'
import { insertAuditEvent } from '../../db/queries/audit.ts'
import { insertOutboxMail } from '../../db/queries/outbox.ts'
import type { User } from '../../db/queries/users.ts'
import type { AuditRows } from '../lib/audit-event.ts'
import type { Client } from '../lib/client.ts'
import { noticeMail } from '../lib/outbox-mail.ts'
import type { SealedBox } from '../lib/sealed-box.ts'

export interface TellOfAttackOptions {
  readonly database: Database
  readonly audit: AuditRows
  readonly box: SealedBox
  readonly nowMs: () => number
  readonly wakeMail: () => void
}

/** To be called once per attack: the guard says when. */
export async function tellOfAttack(options: TellOfAttackOptions, user: User, client: Client): Promise<void> {
  const { database, audit, box, nowMs } = options
  const attackedMs = nowMs()
  await database.transaction(async db => {
    await insertAuditEvent(db, audit.event('account-attacked', 'failure', client, attackedMs, { person: user }))
    await insertOutboxMail(db, noticeMail(box, 'account-attacked', user, attackedMs))
  })
  options.wakeMail()
}
