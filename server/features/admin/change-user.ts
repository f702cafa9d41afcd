/** Changes the status of an account: its role, and whether it is disabled. */

import type { Queryable } from '../../../db/client.ts'
import { endSessionsOf } from '../../../db/queries/session-ends.ts'
import {
  type AccountStatus,
  changeAccountStatus,
  hasOtherAdmin,
  lockUser,
  type User
} from '../../../db/queries/users.ts'
import type { AuditKind } from '../../audit/audit-kinds.ts'
import { ENDS_UNPUBLISHED } from '../../lib/publish-ends.ts'
import { type Result, success } from '../../lib/result.ts'
import { LAST_ADMIN } from '../../lib/users/last-admin.ts'
import { type Actor, isActiveAdmin, lockAccountStatus, recordChange, USER_NOT_FOUND } from './account-status.ts'
import type { AdminOptions } from './options.ts'

/** The members to change. */
export interface UserChange {
  readonly role?: User['role']
  readonly disabled?: boolean
}

/**
 * Creates the rule.
 *
 * A user that is disabled, or stops being an administrator, loses every session. So no token with the old role stays
 * accepted. The tokens of a new administrator carry the role from the next refresh.
 */
export function createChangeUser(options: AdminOptions) {
  const { database, publishEnds } = options
  return async (actor: Actor, userId: string, change: UserChange): Promise<Result<User>> => {
    const changed = await database.transaction(db => changeStatus(options, db, actor, { userId, change }))
    if (!changed.ok) return changed
    const { user, ended } = changed.value
    return ended.length === 0 || (await publishEnds(ended)) ? success(user) : ENDS_UNPUBLISHED
  }
}

interface ChangedUser {
  readonly user: User
  /** The ids of the sessions that ended. */
  readonly ended: readonly string[]
}

async function changeStatus(
  options: AdminOptions,
  db: Queryable,
  actor: Actor,
  { userId, change }: { readonly userId: string; readonly change: UserChange }
): Promise<Result<ChangedUser>> {
  const refused = await lockAccountStatus(db, actor)
  if (refused) return refused
  const before = await lockUser(db, userId)
  if (before === undefined) return USER_NOT_FOUND
  const now = new Date(options.nowMs())
  const status = statusAfter(before, change, now)
  const isDemoted = isActiveAdmin(before) && !isActiveAdmin(status)
  if (isDemoted && !(await hasOtherAdmin(db, userId))) return LAST_ADMIN
  const kinds = kindsOf(before, status)
  if (kinds.length === 0) return success({ user: before, ended: [] })

  const user = (await changeAccountStatus(db, userId, status, now)) ?? before
  const mustEnd = isDemoted || status.disabledAt !== null
  const reason = status.disabledAt === null ? 'role-changed' : 'disabled'
  const ended = mustEnd ? await endSessionsOf(db, userId, { reason, now }) : []
  const details = { role: user.role, sessions: String(ended.length) }
  for (const kind of kinds) await recordChange(options, db, { actor, kind, person: user, details })
  return success({ user, ended })
}

function statusAfter(before: User, { role = before.role, disabled }: UserChange, now: Date): AccountStatus {
  const disabledAt = disabled === undefined ? before.disabledAt : disabled ? (before.disabledAt ?? now) : null
  return { role, disabledAt }
}

/** The events to record; none where nothing changes. */
function kindsOf(before: AccountStatus, after: AccountStatus): AuditKind[] {
  const isDisabled = after.disabledAt !== null
  return [
    ...(before.role === after.role ? [] : ['role-changed' as const]),
    ...((before.disabledAt !== null) === isDisabled
      ? []
      : [isDisabled ? ('account-disabled' as const) : ('account-enabled' as const)])
  ]
}
