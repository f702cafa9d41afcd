/** What administrators read and change: people, their standing, the audit log. */

import type { Queryable } from '../client.ts'
import { alias, and, desc, eq, isNull, lt, ne, sql } from '../drizzle.ts'
import { auditEvents, users } from '../schema/index.ts'
import { parseSearch, wordsOf } from '../schema/search.ts'
import type { AuditEvent } from './audit.ts'
import type { User } from './users.ts'

export interface UserQuery {
  /** Each word of it has to begin a word of the name or the address. */
  readonly search: string | undefined
  /** The last user of the page before. */
  readonly after: { readonly at: Date; readonly id: string } | undefined
  readonly limit: number
}

/** People, newest first: whoever registers meanwhile comes before the first page and moves nobody. */
export async function listUsers(db: Queryable, { search, after, limit }: UserQuery): Promise<User[]> {
  const words = search === undefined ? undefined : parseSearch(search)
  if (search !== undefined && words === undefined) return []
  const { createdAt, id, name, email } = users
  return db
    .select()
    .from(users)
    .where(
      and(
        words === undefined ? undefined : sql`${wordsOf(name, email)} @@ lower(${words})::tsquery`,
        after && sql`(${createdAt}, ${id}) < (${after.at.toISOString()}, ${after.id})`
      )
    )
    .orderBy(desc(createdAt), desc(id))
    .limit(limit)
}

/** Locks a person's row until the transaction ends. */
export async function findUserForChange(db: Queryable, id: string): Promise<User | undefined> {
  const [user] = await db.select().from(users).where(eq(users.id, id)).for('update')
  return user
}

/** Whether there is an administrator besides `id` who may sign in. */
export async function hasOtherAdmin(db: Queryable, id: string): Promise<boolean> {
  const others = await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.role, 'admin'), isNull(users.disabledAt), ne(users.id, id)))
    .limit(1)
  return others.length === 1
}

/** What a person may do. */
export type Standing = Pick<User, 'role' | 'disabledAt'>

export async function changeStanding(
  db: Queryable,
  id: string,
  standing: Standing,
  now: Date
): Promise<User | undefined> {
  const [user] = await db
    .update(users)
    .set({ ...standing, updatedAt: now })
    .where(eq(users.id, id))
    .returning()
  return user
}

export interface AuditQuery {
  readonly userId: string | undefined
  readonly kind: string | undefined
  /** The last event of the page before. */
  readonly beforeId: string | undefined
  readonly limit: number
}

/** An event, with the keys of the person concerned and of the acting administrator, as far as their accounts still exist. */
export interface ReadEvent {
  readonly event: AuditEvent
  readonly sealedAuditKey: Uint8Array | null
  readonly actorAuditKey: Uint8Array | null
}

const actors = alias(users, 'actors')

/** Events, newest first: ids begin with their time, and every filter has an index in their order. */
export async function listAuditEvents(
  db: Queryable,
  { userId, kind, beforeId, limit }: AuditQuery
): Promise<ReadEvent[]> {
  return db
    .select({ event: auditEvents, sealedAuditKey: users.sealedAuditKey, actorAuditKey: actors.sealedAuditKey })
    .from(auditEvents)
    .leftJoin(users, eq(users.id, auditEvents.userId))
    .leftJoin(actors, eq(actors.id, auditEvents.actorId))
    .where(
      and(
        userId === undefined ? undefined : eq(auditEvents.userId, userId),
        kind === undefined ? undefined : eq(auditEvents.kind, kind),
        beforeId === undefined ? undefined : lt(auditEvents.id, beforeId)
      )
    )
    .orderBy(desc(auditEvents.id))
    .limit(limit)
}
