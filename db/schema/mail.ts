/** Mailed single-use tokens, stored hashed, and the outbox of emails to send. */

import { check, index, integer, jsonb, pgTable, sql, text, uuid } from '../drizzle.ts'
import { bytea, moment } from './columns.ts'
import { registrations, users } from './users.ts'

/** One row for each unused token. */
export const mailedTokens = pgTable(
  'mailed_tokens',
  {
    /** SHA-256 of the token. Security: a reader of this table cannot use the hash as a token. */
    tokenHash: bytea('token_hash').primaryKey(),
    purpose: text('purpose', {
      enum: ['verify-email', 'reset-password', 'change-email', 'cancel-email-change']
    }).notNull(),
    /** The new email address, for `change-email`. */
    email: text('email'),
    /** The user or the registration that the token is for: exactly one of the two. */
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

/** One row for each email, sent or not. */
export const outbox = pgTable(
  'outbox',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').notNull(),
    recipient: text('recipient').notNull(),
    /** The account that the email is about, if it is known when the email is written or resolved. */
    userId: uuid('user_id').references(() => users.id, { onDelete: 'cascade' }),
    /** The parameters of the template, without any secret. */
    parameters: jsonb('parameters').$type<Record<string, string>>().notNull(),
    /** The mailed token, encrypted; wiped once the email is sent or given up. */
    sealedToken: bytea('sealed_token'),
    attempts: integer('attempts').notNull().default(0),
    lastError: text('last_error'),
    createdAt: moment('created_at').notNull(),
    /** No worker sends it before this: the back-off after a failure, or the lease of the present worker. */
    dueAt: moment('due_at').notNull(),
    /** After this the email is useless, and is dead-lettered. */
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
