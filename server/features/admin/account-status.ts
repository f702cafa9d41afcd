/** Shared by the changes of an account's status: locks out other changes, checks the actor, records the change. */

import type { Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { lock } from '../../../db/queries/locks.ts'
import { type AccountStatus, findUser, type User } from '../../../db/queries/users.ts'
import type { AuditKind } from '../../audit/audit-kinds.ts'
import type { AuditPerson } from '../../audit/audit-rows.ts'
import type { Client } from '../../lib/client.ts'
import { type Failure, failure } from '../../lib/result.ts'
import type { AdminOptions } from './options.ts'

/** The administrator behind a change; without a person it is the operator at the command line. */
export interface Actor {
  readonly person?: AuditPerson
  readonly client: Client
}

/** The answer for an unknown id. */
export const USER_NOT_FOUND = failure('not-found', 'no user has that id')

/** Whether a user is an administrator and not disabled. */
export function isActiveAdmin(user: AccountStatus | undefined): boolean {
  return user?.role === 'admin' && user.disabledAt === null
}

/**
 * Locks the status of all accounts until the transaction ends, for an actor that may change it.
 *
 * Security: if two administrators demoted each other at the same moment, no administrator would remain. So the actor is
 * read again under the lock, and the second change finds that its actor has lost the role.
 *
 * @returns the failure to answer with, if the actor may not change anything
 */
export async function lockAccountStatus(db: Queryable, { person }: Actor): Promise<Failure | undefined> {
  await lock(db, 'account-status')
  if (person === undefined || isActiveAdmin(await findUser(db, person.id))) return undefined
  return failure('forbidden', 'the actor is not an administrator any more')
}

interface StatusEvent {
  readonly actor: Actor
  readonly kind: AuditKind
  readonly person: User
  readonly details: Readonly<Record<string, string>>
}

/** Records a change in its transaction. */
export async function recordChange(
  { audit, nowMs }: AdminOptions,
  db: Queryable,
  { actor, kind, person, details }: StatusEvent
): Promise<void> {
  const subject = { person, ...(actor.person === undefined ? {} : { actor: actor.person }), details }
  await insertAuditEvent(db, audit.event({ kind, client: actor.client, atMs: nowMs(), ...subject }))
}
