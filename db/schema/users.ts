/** People whose address is theirs, and registrations that wait for their link to be opened. */

import { sql } from 'drizzle-orm'
import { boolean, check, index, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { moment } from './columns.ts'

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
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull()
  },
  table => [check('users_role_check', sql`${table.role} in ('user', 'admin')`)]
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
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at').notNull()
  },
  table => [
    index('registrations_email_idx').on(table.email, table.createdAt.desc()),
    index('registrations_expires_at_idx').on(table.expiresAt)
  ]
)
