/** People and their sessions, written straight into the database: hundreds in a second, who never signed in. */

import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { createAuditRows } from '../../server/audit/audit-rows.ts'
import { deriveKeys } from '../../server/lib/crypto/derived-keys.ts'
import { createRefreshTokens } from '../../server/lib/crypto/refresh-token.ts'
import { createSealedBox } from '../../server/lib/crypto/sealed-box.ts'
import type { Engines } from './engines.ts'
import type { Identity } from './tokens.ts'

export interface Inhabitant extends Identity {
  readonly refreshToken: string
}

/** Nobody's: these people have tokens, and cannot sign in. */
const PASSWORD_HASH = '$2b$10$nobodys.nobodys.nobodys.nobodys.nobodys.nobodys.nobody'

/**
 * Adds people with one live session each, as an origin on these engines would find them after they signed in. An origin
 * must have been started once, which makes the schema.
 */
export async function settle({ databaseUrl, rootSecret }: Engines, count: number): Promise<Inhabitant[]> {
  const keys = deriveKeys([rootSecret])
  const [refreshTokens, audit] = [createRefreshTokens(keys), createAuditRows(createSealedBox(keys))]
  const people = Array.from({ length: count }, () => {
    const [sub, sid] = [randomUUID(), randomUUID()]
    return { sub, sid, refreshToken: refreshTokens.mint({ sessionId: sid, counter: 0 }) }
  })
  const [now, tomorrow] = [new Date(), new Date(Date.now() + 86_400_000)]
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  try {
    await sql`insert into users ${sql(
      people.map(({ sub }) => ({
        id: sub,
        email: `${sub}@example.com`,
        name: 'Ada Lovelace',
        password_hash: PASSWORD_HASH,
        email_verified: true,
        sealed_audit_key: audit.createKey(sub),
        created_at: now,
        updated_at: now
      }))
    )}`
    await sql`insert into sessions ${sql(
      people.map(({ sub, sid }) => ({
        id: sid,
        user_id: sub,
        remembered: false,
        ip_address: '192.0.2.1',
        user_agent: 'bench',
        created_at: now,
        last_used_at: now,
        idle_expires_at: tomorrow,
        expires_at: tomorrow
      }))
    )}`
  } finally {
    await sql.end()
  }
  return people
}
