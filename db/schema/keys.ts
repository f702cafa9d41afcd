/** Key pairs that sign access tokens; the private part is encrypted before it comes here. */

import { sql } from 'drizzle-orm'
import { jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { bytea, moment } from './columns.ts'

export const signingKeys = pgTable(
  'signing_keys',
  {
    kid: text('kid').primaryKey(),
    algorithm: text('algorithm', { enum: ['ES256'] }).notNull(),
    /** `next`: published, not signing. `active`: signs. `retiring`: published until its last token has expired. */
    state: text('state', { enum: ['next', 'active', 'retiring'] }).notNull(),
    publicJwk: jsonb('public_jwk').$type<Record<string, string>>().notNull(),
    sealedPrivateKey: bytea('sealed_private_key').notNull(),
    createdAt: moment('created_at').notNull(),
    stateSince: moment('state_since').notNull()
  },
  table => [uniqueIndex('signing_keys_one_active_idx').on(table.state).where(sql`${table.state} = 'active'`)]
)
