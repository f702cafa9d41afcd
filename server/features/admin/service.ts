/** The rules of administration: who may, what they see, and that every look is recorded. HTTP is not known here. */

import type { Queryable } from '../../../db/client.ts'
import { type AuditQuery, insertAuditEvent, listAuditEvents } from '../../../db/queries/audit.ts'
import { findUser, listUsers, type User } from '../../../db/queries/users.ts'
import type { AccessClaims } from '../../../edge/contract/claims.ts'
import type { AuditKind } from '../../audit/audit-event.ts'
import { type OpenedEvent, openEvent } from '../../audit/open-event.ts'
import type { Client } from '../../lib/client.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import { formatCursor, type Place, parseCursor } from './cursor.ts'
import type { AdminOptions, Page } from './options.ts'
import { changeUser, endSessions, isActiveAdmin, type StandingChange } from './standing.ts'

export interface ListQuery {
  readonly cursor: string | undefined
  readonly limit: number
}

export interface AdminService {
  /** Whether the bearer of a verified token is an administrator: by the token, and still by the database. */
  admit(claims: Pick<AccessClaims, 'sub' | 'role'>): Promise<Result<User>>
  listUsers(admin: User, query: ListQuery & { readonly search: string }, client: Client): Promise<Result<Page<User>>>
  changeUser(admin: User, userId: string, change: StandingChange, client: Client): Promise<Result<User>>
  endSessions(admin: User, userId: string, client: Client): Promise<Result<undefined>>
  listEvents(
    admin: User,
    query: ListQuery & Pick<AuditQuery, 'userId' | 'kind'>,
    client: Client
  ): Promise<Result<Page<OpenedEvent>>>
}

export function createAdminService(options: AdminOptions): AdminService {
  const { database, audit, nowMs } = options

  /** Reads and records that it was read, or neither. */
  async function read<T extends object>(
    admin: User,
    kind: AuditKind,
    details: Readonly<Record<string, string>>,
    client: Client,
    query: (db: Queryable) => Promise<T[]>
  ): Promise<T[]> {
    return database.transaction(async db => {
      const rows = await query(db)
      const subject = { person: admin, actor: admin, details }
      await insertAuditEvent(db, audit.event({ kind, client, atMs: nowMs(), ...subject }))
      return rows
    })
  }

  return {
    async admit({ sub, role }) {
      if (role !== 'admin') return failure('forbidden', "the token is no administrator's")
      const user = await database.run(db => findUser(db, sub))
      return user && isActiveAdmin(user) ? success(user) : failure('forbidden', 'no administrator any more')
    },
    async listUsers(admin, { search, cursor, limit }, client) {
      const after = placeOf(cursor)
      if (!after.ok) return after
      const wanted = search.trim() === '' ? undefined : search
      const details = wanted === undefined ? {} : { search: wanted }
      const query = { search: wanted, after: after.value, limit: limit + 1 }
      const users = await read(admin, 'users-listed', details, client, db => listUsers(db, query))
      return success(pageOf(users, limit, user => ({ at: user.createdAt, id: user.id })))
    },
    async listEvents(admin, { userId, kind, cursor, limit }, client) {
      const after = placeOf(cursor)
      if (!after.ok) return after
      const details = { ...(userId === undefined ? {} : { user: userId }), ...(kind === undefined ? {} : { kind }) }
      const query = { userId, kind, beforeId: after.value?.id, limit: limit + 1 }
      const events = await read(admin, 'audit-read', details, client, db => listAuditEvents(db, query))
      return success(
        pageOf(
          events.map(event => openEvent(audit, event)),
          limit,
          ({ event }) => event
        )
      )
    },
    changeUser: (admin, userId, change, client) => changeUser(options, { person: admin, client }, userId, change),
    endSessions: (admin, userId, client) => endSessions(options, { person: admin, client }, userId)
  }
}

function placeOf(cursor: string | undefined): Result<Place | undefined> {
  const place = cursor === undefined ? undefined : parseCursor(cursor)
  if (cursor === undefined || place !== undefined) return success(place)
  const detail = 'must be the nextCursor of a page before'
  return failure('invalid-request', 'a cursor is malformed', { errors: [{ pointer: '/cursor', detail }] })
}

/** @param items one more than `limit` where another page follows */
function pageOf<T>(items: readonly T[], limit: number, placeOfItem: (item: T) => Place): Page<T> {
  const page = items.slice(0, limit)
  const last = page.at(-1)
  return { items: page, next: items.length > limit && last !== undefined ? formatCursor(placeOfItem(last)) : undefined }
}
