/** Security events, append-only, and the hash chain that detects a gap or an edit. */

import { bigint, index, pgTable, sql, text, uniqueIndex, uuid } from '../drizzle.ts'
import { bytea, moment } from './columns.ts'

/** One row for each security event. */
export const auditEvents = pgTable(
  'audit_events',
  {
    id: uuid('id').primaryKey(),
    at: moment('at').notNull(),
    kind: text('kind').notNull(),
    outcome: text('outcome', { enum: ['success', 'failure'] }).notNull(),
    /** The user concerned. Not a foreign key: the event outlives the user. */
    userId: uuid('user_id'),
    /** The acting administrator, if there was one. */
    actorId: uuid('actor_id'),
    sessionId: uuid('session_id'),
    requestId: uuid('request_id'),
    /** Address, device and details as JSON, encrypted: under the key of the user concerned, if the user is known. */
    sealedPersonal: bytea('sealed_personal').notNull(),
    /**
     * Address and device of the acting administrator, encrypted under the administrator's own key, if the account was
     * another one. They become unreadable when the administrator is deleted, not when that account is.
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
 * One link for each event of the chain. `hash` covers the event and the previous hash, so an event that was changed,
 * inserted or removed later breaks every following link.
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
