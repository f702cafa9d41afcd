/** What is mailed: single-use tokens, stored hashed, and the outbox that sends them. */

import { check, index, integer, jsonb, pgTable, sql, text, uuid } from '../drizzle.ts'
import { bytea, moment } from './columns.ts'
import { registrations, users } from './users.ts'

export const mailedTokens = pgTable(
  'mailed_tokens',
  {
    /** SHA-256 of the token: whoever reads this table can open nothing with it. */
    tokenHash: bytea('token_hash').primaryKey(),
    purpose: text('purpose', {
      enum: ['verify-email', 'reset-password', 'change-email', 'cancel-email-change']
    }).notNull(),
    /** The address that becomes the user's, for `change-email`. */
    email: text('email'),
    /** Whom it was mailed for: exactly one of the two. */
    userId: uuid('user_id').references(() => users.id, { onDelete: 'cascade' }),
    registrationId: uuid('registration_id').references(() => registrations.id, { onDelete: 'cascade' }),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at').notNull()
  },
  table => [
    check('mailed_tokens_one_target_check', sql`num_nonnulls(${table.userId}, ${table.registrationId}) = 1`),
    index('mailed_tokens_user_id_idx').on(table.userId),
    index('mailed_tokens_registration_id_idx').on(table.registrationId),
    index('mailed_tokens_expires_at_idx').on(table.expiresAt)
  ]
)

export const outbox = pgTable(
  'outbox',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').notNull(),
    recipient: text('recipient').notNull(),
    /** The account that the mail is about, where that is known when it is written or decided. */
    userId: uuid('user_id').references(() => users.id, { onDelete: 'cascade' }),
    /** What the template needs, without any secret. */
    parameters: jsonb('parameters').$type<Record<string, string>>().notNull(),
    /** The mailed token, encrypted; wiped once the mail is sent or given up. */
    sealedToken: bytea('sealed_token'),
    attempts: integer('attempts').notNull().default(0),
    lastError: text('last_error'),
    createdAt: moment('created_at').notNull(),
    /** Not before this: the back-off after a failure, or the lease of the worker that is sending it. */
    dueAt: moment('due_at').notNull(),
    /** After this the mail is worth nothing any more: it is dead-lettered. */
    expiresAt: moment('expires_at').notNull(),
    sentAt: moment('sent_at'),
    deadAt: moment('dead_at')
  },
  table => [
    index('outbox_due_idx').on(table.dueAt).where(sql`${table.sentAt} is null and ${table.deadAt} is null`),
    index('outbox_created_at_idx').on(table.createdAt),
    index('outbox_user_id_idx').on(table.userId),
    index('outbox_recipient_idx').on(table.recipient)
  ]
)
