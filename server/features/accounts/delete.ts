/** Deletes an account with everything that names its owner, and ends its sessions everywhere. */

import type { Queryable } from '../../../db/client.ts'
import { hasOtherAdmin } from '../../../db/queries/admin.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { lock } from '../../../db/queries/locks.ts'
import { deleteMailsOf, insertOutboxMail } from '../../../db/queries/outbox.ts'
import { deleteRegistrationsOf, lockRegistrationsOf } from '../../../db/queries/registrations.ts'
import { endSessionsOf } from '../../../db/queries/session-ends.ts'
import { deleteUser, findUser, lockUser, type User } from '../../../db/queries/users.ts'
import { type Proof, reauthenticate } from '../../guard/reauthenticate.ts'
import type { Client } from '../../lib/client.ts'
import { noticeMail } from '../../lib/mail/outbox-mail.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import { LAST_ADMIN } from '../../lib/users/last-admin.ts'
import type { AccountsOptions } from './options.ts'
import { USER_GONE } from './profile.ts'

/**
 * Where the edges cannot be told at once it is a success all the same: the account is gone, asking again could
 * change nothing, and the telling is retried until it is delivered.
 */
export async function deleteAccount(
  options: AccountsOptions,
  userId: string,
  proof: Proof,
  client: Client
): Promise<Result<undefined>> {
  const { database, nowMs } = options
  const user = await database.run(db => findUser(db, userId))
  if (user === undefined) return USER_GONE
  const proven = await reauthenticate(options, user, proof, client)
  if (!proven.ok) return proven

  const deletedMs = nowMs()
  const ended = await database.transaction(async db => {
    await lock(db, 'standing')
    await lockRegistrationsOf(db, userId)
    const locked = await lockUser(db, userId)
    if (locked?.role === 'admin' && !(await hasOtherAdmin(db, userId))) return 'last-admin'
    // Security: whoever has proven the old password while the owner was changing it has proven nothing.
    if (locked && locked.passwordHash !== user.passwordHash) return 'changed'
    return locked && erase(options, db, locked, client, deletedMs)
  })
  if (ended === 'last-admin') return LAST_ADMIN
  if (ended === 'changed') return failure('password-incorrect', 'the password was changed meanwhile')
  if (ended === undefined) return USER_GONE
  options.wakeMail()
  if (ended.length > 0) await options.publishEnds(ended)
  return success(undefined)
}

/**
 * The audit log keeps its rows, which nobody can read any more: their key goes with the user.
 *
 * @returns the ids of the sessions that ended
 */
async function erase(
  { audit, box }: AccountsOptions,
  db: Queryable,
  user: User,
  client: Client,
  deletedMs: number
): Promise<string[]> {
  const ended = await endSessionsOf(db, user.id, undefined, 'account-deleted', new Date(deletedMs))
  await insertAuditEvent(db, audit.event({ kind: 'account-deleted', client, atMs: deletedMs, person: user }))
  await deleteMailsOf(db, user.id)
  await insertOutboxMail(db, noticeMail(box, 'account-deleted', { email: user.email }, deletedMs))
  await deleteRegistrationsOf(db, user.id)
  await deleteUser(db, user.id)
  return ended
}
