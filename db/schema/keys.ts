/** Key pairs that sign access tokens. The private part is encrypted before it is stored. */

import { boolean, check, jsonb, pgTable, sql, text, uniqueIndex } from '../drizzle.ts'
import { bytea, moment } from './columns.ts'

/** One row for each key pair. */
export const signingKeys = pgTable(
  'signing_keys',
  {
    kid: text('kid').primaryKey(),
    algorithm: text('algorithm', { enum: ['ES256'] }).notNull(),
    /**
     * `next`: published, not signing. `active`: signs. `retiring`: published until its last token has expired.
     * `removed`: neither published nor accepted; kept until the removal need not be published any more.
     */
    state: text('state', { enum: ['next', 'active', 'retiring', 'removed'] }).notNull(),
    publicJwk: jsonb('public_jwk').$type<Record<string, string>>().notNull(),
    /** Null once the key is removed. Security: a reader of the table cannot sign with it any more. */
    sealedPrivateKey: bytea('sealed_private_key'),
    createdAt: moment('created_at').notNull(),
    stateSince: moment('state_since').notNull(),
    /** Whether the removal was published to Redis. */
    removalPublished: boolean('removal_published').notNull().default(false)
  },
  table => [
    uniqueIndex('signing_keys_one_active_idx').on(table.state).where(sql`${table.state} = 'active'`),
    uniqueIndex('signing_keys_one_next_idx').on(table.state).where(sql`${table.state} = 'next'`),
    check('signing_keys_private_part_check', sql`(${table.state} = 'removed') = (${table.sealedPrivateKey} is null)`)
  ]
)
