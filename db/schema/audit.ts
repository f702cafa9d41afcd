/** Security events, append-only: who, what, when, from where, with what outcome. */

import { index, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { moment } from './columns.ts'

export const auditEvents = pgTable(
  'audit_events',
  {
    id: uuid('id').primaryKey(),
    at: moment('at').notNull(),
    kind: text('kind').notNull(),
    outcome: text('outcome', { enum: ['success', 'failure'] }).notNull(),
    /** Who it concerns. No foreign key: the event outlives the user. */
    userId: uuid('user_id'),
    sessionId: uuid('session_id'),
    ipAddress: text('ip_address'),
    userAgent: text('user_agent'),
    requestId: uuid('request_id'),
    details: jsonb('details').$type<Record<string, string>>().notNull()
  },
  table => [index('audit_events_user_id_idx').on(table.userId, table.at), index('audit_events_at_idx').on(table.at)]
)
