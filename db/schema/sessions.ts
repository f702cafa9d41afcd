/** Sessions with the state of their refresh token. They are the source of every revocation. */

import { boolean, index, integer, jsonb, pgTable, primaryKey, sql, text, uuid } from '../drizzle.ts'
import { bytea, moment } from './columns.ts'
import { users } from './users.ts'

/** One row for each session. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    /** Null once the user is deleted: the row stays until the session's access tokens have expired. */
    userId: uuid('user_id').references(() => users.id, { onDelete: 'set null' }),
    /** The counter of the current refresh token: the number of its rotations. */
    refreshCounter: integer('refresh_counter').notNull().default(0),
    /**
     * When the current refresh token was created, or was handed out again to a client that had only its predecessor. Its
     * grace begins at this time.
     */
    rotatedAt: moment('rotated_at'),
    /** The client has presented the current refresh token, or an access token that was issued with it. */
    refreshConfirmed: boolean('refresh_confirmed').notNull().default(false),
    /**
     * The times at which a predecessor was presented after the grace, which means that every earlier answer with the
     * current token was lost. Pairs of the counter and the time (ms), newest first, `MAX_LATE_HANDOUTS` at most.
     */
    lateHandouts: jsonb('late_handouts').$type<[counter: number, atMs: number][]>().notNull().default([]),
    remembered: boolean('remembered').notNull(),
    ipAddress: text('ip_address').notNull(),
    userAgent: text('user_agent').notNull(),
    createdAt: moment('created_at').notNull(),
    lastUsedAt: moment('last_used_at').notNull(),
    /** The next refresh has to arrive before this. Never later than `expiresAt`. */
    idleExpiresAt: moment('idle_expires_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
    endedAt: moment('ended_at'),
    endReason: text('end_reason'),
    /** Whether the end was published to Redis. */
    endPublished: boolean('end_published').notNull().default(false)
  },
  table => [
    index('sessions_user_id_live_idx').on(table.userId, table.createdAt).where(sql`${table.endedAt} is null`),
    // Finds whether a user has signed in before, and the sessions of a user to delete.
    index('sessions_user_id_idx').on(table.userId, table.id),
    index('sessions_ended_at_idx').on(table.endedAt).where(sql`${table.endedAt} is not null`),
    index('sessions_unpublished_idx')
      .on(table.endedAt)
      .where(sql`${table.endedAt} is not null and not ${table.endPublished}`),
    index('sessions_expires_at_idx').on(table.expiresAt)
  ]
)

/** Devices that were seen at a sign-in, so that a user is not notified of the same one twice. */
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
