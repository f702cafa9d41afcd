/** Users, their former email addresses, and registrations that wait for their link to be opened. */

import { boolean, check, index, pgTable, sql, text, uuid } from '../drizzle.ts'
import { bytea, moment } from './columns.ts'

/** One row for each user. */
export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    /** The canonical form. Its constraint prevents two users with one address. */
    email: text('email').notNull().unique('users_email_key'),
    name: text('name').notNull(),
    passwordHash: text('password_hash').notNull(),
    role: text('role', { enum: ['user', 'admin'] })
      .notNull()
      .default('user'),
    emailVerified: boolean('email_verified').notNull(),
    disabledAt: moment('disabled_at'),
    /** The version of the terms that the user accepted at registration, if any. */
    acceptedTermsVersion: text('accepted_terms_version'),
    /**
     * The user's own key, sealed. It encrypts the personal data of the user in the audit log. Deleting this row makes
     * them unreadable without a change of the log.
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
 * An email address that an account had before its present one. The export and the deletion cover the rows that were
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
 * A registration that waits for its confirmation (`EMAIL_VERIFICATION=required`).
 *
 * Security: it has a name and a password of its own, and a link activates only the registration that it was mailed for.
 * The click of the mailbox's owner therefore never confirms the password of an attacker's registration.
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
