/** Deletes an account with all data that identifies its owner, and ends its sessions everywhere. */

import type { Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { lock } from '../../../db/queries/locks.ts'
import { deleteMailsOf, insertOutboxMail } from '../../../db/queries/outbox.ts'
import { deleteRegistrationsOf, lockRegistrationsOf } from '../../../db/queries/registrations.ts'
import { endSessionsOf } from '../../../db/queries/session-ends.ts'
import { deleteUser, findUser, hasOtherAdmin, type User } from '../../../db/queries/users.ts'
import { lockProvenUser } from '../../guard/lock-proven-user.ts'
import { type Proof, reauthenticate } from '../../guard/reauthenticate.ts'
import type { Client } from '../../lib/client.ts'
import { noticeMail } from '../../lib/mail/outbox-mail.ts'
import { type Result, success } from '../../lib/result.ts'
import { LAST_ADMIN } from '../../lib/users/last-admin.ts'
import { USER_GONE } from '../../lib/users/user-gone.ts'
import type { AccountsOptions } from './options.ts'

/**
 * Creates the rule. It succeeds even if the ends of the sessions could not be published yet. The account is deleted, a
 * second request could change nothing, and the revocation keeper publishes the ends later.
 */
export function createDeleteAccount(options: AccountsOptions) {
  const { database, nowMs } = options
  return async (userId: string, proof: Proof, client: Client): Promise<Result<undefined>> => {
    const user = await database.run(db => findUser(db, userId))
    if (user === undefined) return USER_GONE
    const proven = await reauthenticate(options, user, proof, client)
    if (!proven.ok) return proven

    const deletedMs = nowMs()
    const deleted = await database.transaction(async db => {
      await lock(db, 'account-status')
      await lockRegistrationsOf(db, userId)
      const locked = await lockProvenUser(db, user)
      if (!locked.ok) return locked
      if (locked.value.role === 'admin' && !(await hasOtherAdmin(db, userId))) return LAST_ADMIN
      return success(await erase(options, db, { user: locked.value, client, deletedMs }))
    })
    if (!deleted.ok) return deleted
    options.wakeMail()
    if (deleted.value.length > 0) await options.publishEnds(deleted.value)
    return success(undefined)
  }
}

interface Deletion {
  readonly user: User
  readonly client: Client
  readonly deletedMs: number
}

/**
 * Deletes the rows of a user. The audit log keeps its rows, but the key of their personal data is deleted here.
 *
 * @returns the ids of the sessions that ended
 */
async function erase(
  { audit, box }: AccountsOptions,
  db: Queryable,
  { user, client, deletedMs }: Deletion
): Promise<string[]> {
  const ended = await endSessionsOf(db, user.id, { reason: 'account-deleted', now: new Date(deletedMs) })
  await insertAuditEvent(db, audit.event({ kind: 'account-deleted', client, atMs: deletedMs, person: user }))
  await deleteMailsOf(db, user.id)
  await insertOutboxMail(db, noticeMail(box, 'account-deleted', { email: user.email }, deletedMs))
  await deleteRegistrationsOf(db, user.id)
  await deleteUser(db, user.id)
  return ended
}
