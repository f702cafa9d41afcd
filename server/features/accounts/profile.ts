/** Shows and changes a person's own profile. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { findUser, renameUser, type User } from '../../../db/queries/users.ts'
import type { Client } from '../../lib/client.ts'
import { checkName } from '../../lib/http/checked-member.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { AccountsOptions } from './options.ts'

/** The account was deleted while its access token was under way. */
export const USER_GONE = failure('session-ended', 'the user of the token is gone')

export async function read({ database }: AccountsOptions, userId: string): Promise<Result<User>> {
  const user = await database.run(db => findUser(db, userId))
  return user ? success(user) : USER_GONE
}

export async function rename(
  { database, audit, nowMs }: AccountsOptions,
  userId: string,
  unverifiedName: string,
  client: Client
): Promise<Result<User>> {
  const name = checkName(unverifiedName)
  if (!name.ok) return name
  const changedMs = nowMs()
  const user = await database.transaction(async db => {
    const renamed = await renameUser(db, userId, { name: name.value, now: new Date(changedMs) })
    if (renamed) {
      await insertAuditEvent(db, audit.event({ kind: 'profile-changed', client, atMs: changedMs, person: renamed }))
    }
    return renamed
  })
  return user ? success(user) : USER_GONE
}
