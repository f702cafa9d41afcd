/** Changes what people may do: their role, whether they may sign in, their sessions. */

import type { Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { lock } from '../../../db/queries/locks.ts'
import { endSessionsOf } from '../../../db/queries/session-ends.ts'
import {
  type AccountStatus,
  changeAccountStatus,
  findUser,
  hasOtherAdmin,
  lockUser,
  type User
} from '../../../db/queries/users.ts'
import type { AuditKind, AuditPerson } from '../../audit/audit-event.ts'
import type { Client } from '../../lib/client.ts'
import { type Failure, failure, type Result, success } from '../../lib/result.ts'
import { LAST_ADMIN } from '../../lib/users/last-admin.ts'
import type { AdminOptions } from './options.ts'

export interface StandingChange {
  readonly role?: User['role']
  readonly disabled?: boolean
}

/** An administrator who changes something, or, without a person, the operator at the command line. */
export interface Actor {
  readonly person?: AuditPerson
  readonly client: Client
}

/** Where the edges could not be told: it is done all the same, and the telling is retried. */
const UNTOLD = failure('unavailable', 'the edges could not be told that the sessions have ended', {
  retryAfterSeconds: 1
})

const NOT_FOUND = failure('not-found', 'no user has that id')

/** May do what administrators do. */
export function isActiveAdmin(user: AccountStatus | undefined): boolean {
  return user?.role === 'admin' && user.disabledAt === null
}

/**
 * Changes role and standing of a person.
 *
 * Whoever stops being an administrator or is disabled loses every session, so that no token with the old role lives on
 * anywhere. A new administrator's tokens say so from the next refresh.
 */
export async function changeUser(
  options: AdminOptions,
  actor: Actor,
  userId: string,
  change: StandingChange
): Promise<Result<User>> {
  const { database, nowMs, publishEnds } = options
  const changed = await database.transaction(async db => {
    const refused = await claimStanding(db, actor)
    if (refused) return refused
    const before = await lockUser(db, userId)
    if (before === undefined) return NOT_FOUND
    const now = new Date(nowMs())
    const standing = standingAfter(before, change, now)
    const isDemoted = isActiveAdmin(before) && !isActiveAdmin(standing)
    if (isDemoted && !(await hasOtherAdmin(db, userId))) return LAST_ADMIN
    const kinds = kindsOf(before, standing)
    if (kinds.length === 0) return success({ user: before, ended: [] })

    const user = (await changeAccountStatus(db, userId, standing, now)) ?? before
    const mustEnd = isDemoted || standing.disabledAt !== null
    const reason = standing.disabledAt === null ? 'role-changed' : 'disabled'
    const ended = mustEnd ? await endSessionsOf(db, userId, { reason, now }) : []
    for (const kind of kinds) await record(options, db, actor, kind, user, { role: user.role, sessions: ended.length })
    return success({ user, ended })
  })
  if (!changed.ok) return changed
  const { user, ended } = changed.value
  return ended.length === 0 || (await publishEnds(ended)) ? success(user) : UNTOLD
}

/** Ends every session of a person. Where there is none, that is success too. */
export async function endSessions(options: AdminOptions, actor: Actor, userId: string): Promise<Result<undefined>> {
  const { database, nowMs, publishEnds } = options
  const ended = await database.transaction(async db => {
    const refused = await claimStanding(db, actor)
    if (refused) return refused
    const user = await lockUser(db, userId)
    if (user === undefined) return NOT_FOUND
    const ids = await endSessionsOf(db, userId, { reason: 'ended-by-admin', now: new Date(nowMs()) })
    await record(options, db, actor, 'sessions-ended-by-admin', user, { sessions: ids.length })
    return success(ids)
  })
  if (!ended.ok) return ended
  return ended.value.length === 0 || (await publishEnds(ended.value)) ? success(undefined) : UNTOLD
}

/**
 * Lets one change of standing through at a time, and only an administrator's.
 *
 * Security: two administrators who demote each other at the same moment would leave nobody; so who asks is looked up
 * again under the lock, and the second of them finds that he is none any more.
 */
async function claimStanding(db: Queryable, { person }: Actor): Promise<Failure | undefined> {
  await lock(db, 'account-status')
  if (person === undefined || isActiveAdmin(await findUser(db, person.id))) return undefined
  return failure('forbidden', 'whoever asks is no administrator any more')
}

function standingAfter(before: User, { role = before.role, disabled }: StandingChange, now: Date): AccountStatus {
  const disabledAt = disabled === undefined ? before.disabledAt : disabled ? (before.disabledAt ?? now) : null
  return { role, disabledAt }
}

/** What has to be recorded; nothing where nothing changes. */
function kindsOf(before: AccountStatus, after: AccountStatus): AuditKind[] {
  const isDisabled = after.disabledAt !== null
  return [
    ...(before.role === after.role ? [] : ['role-changed' as const]),
    ...((before.disabledAt !== null) === isDisabled
      ? []
      : [isDisabled ? ('account-disabled' as const) : ('account-enabled' as const)])
  ]
}

async function record(
  { audit, nowMs }: AdminOptions,
  db: Queryable,
  actor: Actor,
  kind: AuditKind,
  person: User,
  facts: Readonly<Record<string, string | number>>
): Promise<void> {
  const details = Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, String(value)]))
  const subject = { person, ...(actor.person === undefined ? {} : { actor: actor.person }), details }
  await insertAuditEvent(db, audit.event({ kind, client: actor.client, atMs: nowMs(), ...subject }))
}
