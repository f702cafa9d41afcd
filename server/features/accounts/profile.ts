/** Reads and changes the profile of a user. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { findUser, renameUser, type User } from '../../../db/queries/users.ts'
import type { Client } from '../../lib/client.ts'
import { checkName } from '../../lib/http/checked-member.ts'
import { type Result, success } from '../../lib/result.ts'
import { USER_GONE } from '../../lib/users/user-gone.ts'
import type { AccountsOptions } from './options.ts'

/** Creates the rule that reads a profile. */
export function createReadProfile({ database }: AccountsOptions) {
  return async (userId: string): Promise<Result<User>> => {
    const user = await database.run(db => findUser(db, userId))
    return user ? success(user) : USER_GONE
  }
}

/** A user, and the name as the client sent it. */
interface NameChange {
  readonly userId: string
  readonly unverifiedName: string
}

/** Creates the rule that changes the name of a user. */
export function createRename({ database, audit, nowMs }: AccountsOptions) {
  return async ({ userId, unverifiedName }: NameChange, client: Client): Promise<Result<User>> => {
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
}
