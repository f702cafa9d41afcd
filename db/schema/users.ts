/** People whose address is theirs, and registrations that wait for their link to be opened. */

import { boolean, check, index, pgTable, sql, text, uuid } from '../drizzle.ts'
import { bytea, moment } from './columns.ts'

export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    /** The canonical form; the one constraint that keeps an address from belonging to two people. */
    email: text('email').notNull().unique('users_email_key'),
    name: text('name').notNull(),
    passwordHash: text('password_hash').notNull(),
    role: text('role', { enum: ['user', 'admin'] })
      .notNull()
      .default('user'),
    emailVerified: boolean('email_verified').notNull(),
    disabledAt: moment('disabled_at'),
    /** The version of the terms that was accepted at registration, where there was one. */
    acceptedTermsVersion: text('accepted_terms_version'),
    /**
     * The person's own key, sealed. It encrypts what the audit log knows about the person, so that deleting this
     * row makes all of that unreadable without touching the log.
     */
    sealedAuditKey: bytea('sealed_audit_key').notNull(),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull()
  },
  table => [
    check('users_role_check', sql`${table.role} in ('user', 'admin')`),
    index('users_created_at_idx').on(table.createdAt, table.id)
  ]
)

/**
 * An address that an account had before it changed to another one. The export and the deletion cover the rows that were
 * stored under it before `until`. Later rows belong to the next holder of the mailbox.
 */
export const formerAddresses = pgTable(
  'former_addresses',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    email: text('email').notNull(),
    /** When the account changed to another address. */
    until: moment('until').notNull()
  },
  table => [index('former_addresses_user_id_idx').on(table.userId, table.until)]
)

/**
 * A registration that nobody has confirmed yet (`EMAIL_VERIFICATION=required`).
 *
 * It carries its own name and password: a link activates the registration that it was mailed for, so that
 * somebody who registers another person's address never gets his own password confirmed by that person's click.
 */
export const registrations = pgTable(
  'registrations',
  {
    id: uuid('id').primaryKey(),
    email: text('email').notNull(),
    name: text('name').notNull(),
    passwordHash: text('password_hash').notNull(),
    acceptedTermsVersion: text('accepted_terms_version'),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at').notNull()
  },
  table => [
    index('registrations_email_idx').on(table.email, table.createdAt.desc()),
    index('registrations_expires_at_idx').on(table.expiresAt)
  ]
)
