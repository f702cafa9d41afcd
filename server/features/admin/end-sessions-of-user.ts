/** Ends every session of a user, as an administrator asks for it. */

import { endSessionsOf } from '../../../db/queries/session-ends.ts'
import { lockUser } from '../../../db/queries/users.ts'
import { ENDS_UNPUBLISHED } from '../../lib/publish-ends.ts'
import { type Result, success } from '../../lib/result.ts'
import { type Actor, lockAccountStatus, recordChange, USER_NOT_FOUND } from './account-status.ts'
import type { AdminOptions } from './options.ts'

/** Creates the rule. It succeeds for a user without sessions, too. */
export function createEndSessionsOfUser(options: AdminOptions) {
  const { database, nowMs, publishEnds } = options
  return async (actor: Actor, userId: string): Promise<Result<undefined>> => {
    const ended = await database.transaction(async db => {
      const refused = await lockAccountStatus(db, actor)
      if (refused) return refused
      const person = await lockUser(db, userId)
      if (person === undefined) return USER_NOT_FOUND
      const ids = await endSessionsOf(db, userId, { reason: 'ended-by-admin', now: new Date(nowMs()) })
      const details = { sessions: String(ids.length) }
      await recordChange(options, db, { actor, kind: 'sessions-ended-by-admin', person, details })
      return success(ids)
    })
    if (!ended.ok) return ended
    return ended.value.length === 0 || (await publishEnds(ended.value)) ? success(undefined) : ENDS_UNPUBLISHED
  }
}
