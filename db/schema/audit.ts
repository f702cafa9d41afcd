/** Security events, append-only, and the hash chain that shows a gap or an edit. */

import { bigint, index, pgTable, sql, text, uniqueIndex, uuid } from '../drizzle.ts'
import { bytea, moment } from './columns.ts'

export const auditEvents = pgTable(
  'audit_events',
  {
    id: uuid('id').primaryKey(),
    at: moment('at').notNull(),
    kind: text('kind').notNull(),
    outcome: text('outcome', { enum: ['success', 'failure'] }).notNull(),
    /** Who it concerns. No foreign key: the event outlives the user. */
    userId: uuid('user_id'),
    /** Who did it, where that is somebody else: an administrator. */
    actorId: uuid('actor_id'),
    sessionId: uuid('session_id'),
    requestId: uuid('request_id'),
    /** Address, device and details as JSON, encrypted: under the user's own key where there is one. */
    sealedPersonal: bytea('sealed_personal').notNull(),
    /**
     * Address and device of an administrator who acted on another account, encrypted under the administrator's own key:
     * deleting the administrator makes them unreadable, deleting the other account does not.
     */
    sealedActor: bytea('sealed_actor')
  },
  table => [
    index('audit_events_user_id_idx').on(table.userId, table.id),
    index('audit_events_actor_id_idx').on(table.actorId, table.id).where(sql`${table.actorId} is not null`),
    index('audit_events_kind_idx').on(table.kind, table.id),
    index('audit_events_at_idx').on(table.at, table.id)
  ]
)

/**
 * One link for each sealed event. `hash` covers the event and the hash of the link before, so that an event that was
 * changed, added or taken away in between breaks every link after it.
 */
export const auditChain = pgTable(
  'audit_chain',
  {
    position: bigint('position', { mode: 'number' }).primaryKey(),
    eventId: uuid('event_id').notNull(),
    eventAt: moment('event_at').notNull(),
    hash: bytea('hash').notNull()
  },
  table => [
    uniqueIndex('audit_chain_event_id_idx').on(table.eventId),
    index('audit_chain_event_at_idx').on(table.eventAt)
  ]
)
