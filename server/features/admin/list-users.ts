/** Lists and searches users. */

import { listUsers, type User } from '../../../db/queries/users.ts'
import { type Result, success } from '../../lib/result.ts'
import type { AdminOptions } from './options.ts'
import { type ListQuery, type Page, pageOf, placeOf } from './page.ts'
import { type ActingAdmin, readRecorded } from './recorded-read.ts'

interface UserSearch extends ListQuery {
  /** Blank: every user. */
  readonly search: string
}

/** Creates the rule: newest first. */
export function createListUsers(options: AdminOptions) {
  return async (admin: ActingAdmin, { search, cursor, limit }: UserSearch): Promise<Result<Page<User>>> => {
    const after = placeOf(cursor)
    if (!after.ok) return after
    const wanted = search.trim() === '' ? undefined : search
    const event = { kind: 'users-listed', details: wanted === undefined ? {} : { search: wanted } } as const
    const query = { search: wanted, after: after.value, limit: limit + 1 }
    const users = await readRecorded(options, admin, event, db => listUsers(db, query))
    return success(pageOf(users, limit, user => ({ at: user.createdAt, id: user.id })))
  }
}
