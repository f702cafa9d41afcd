/** Sessions: one row each, refresh token state included; the truth behind every revocation. */

import { boolean, index, integer, jsonb, pgTable, primaryKey, sql, text, uuid } from '../drizzle.ts'
import { bytea, moment } from './columns.ts'
import { users } from './users.ts'

export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    /** Null once the user is gone: the row stays until no access token of the session can be alive any more. */
    userId: uuid('user_id').references(() => users.id, { onDelete: 'set null' }),
    /** How often the refresh token was rotated: the counter inside the one that is valid now. */
    refreshCounter: integer('refresh_counter').notNull().default(0),
    /**
     * When the current refresh token was made, or was handed out again to a client that had only its predecessor. Its
     * grace is counted from here.
     */
    rotatedAt: moment('rotated_at'),
    /** The client is known to have the current refresh token: it presented that, or an access token that came with it. */
    refreshConfirmed: boolean('refresh_confirmed').notNull().default(false),
    /**
     * When the predecessor of a token asked again after the grace, so that every answer with the token before was lost:
     * pairs of its counter and the time (ms), newest first, `MAX_LATE_HANDOUTS` at most.
     */
    lateHandouts: jsonb('late_handouts').$type<[counter: number, atMs: number][]>().notNull().default([]),
    remembered: boolean('remembered').notNull(),
    ipAddress: text('ip_address').notNull(),
    userAgent: text('user_agent').notNull(),
    createdAt: moment('created_at').notNull(),
    lastUsedAt: moment('last_used_at').notNull(),
    /** The next refresh has to come before this; never past `expiresAt`. */
    idleExpiresAt: moment('idle_expires_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
    endedAt: moment('ended_at'),
    endReason: text('end_reason'),
    /** False until the edges could be told that the session has ended. */
    endPublished: boolean('end_published').notNull().default(false)
  },
  table => [
    index('sessions_user_id_live_idx').on(table.userId, table.createdAt).where(sql`${table.endedAt} is null`),
    // Whether somebody has signed in before, and what becomes ownerless with a user who is deleted.
    index('sessions_user_id_idx').on(table.userId, table.id),
    index('sessions_ended_at_idx').on(table.endedAt).where(sql`${table.endedAt} is not null`),
    index('sessions_unpublished_idx')
      .on(table.endedAt)
      .where(sql`${table.endedAt} is not null and not ${table.endPublished}`),
    index('sessions_expires_at_idx').on(table.expiresAt)
  ]
)

/** Devices that were seen at a sign-in, so that their owner is not told of the same one twice. */
export const knownDevices = pgTable(
  'known_devices',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** A keyed hash of the device's name and network. */
    fingerprint: bytea('fingerprint').notNull(),
    /** The first sign-in of the last 30 days. */
    notedAt: moment('noted_at').notNull()
  },
  table => [
    primaryKey({ columns: [table.userId, table.fingerprint] }),
    index('known_devices_noted_at_idx').on(table.notedAt)
  ]
)
