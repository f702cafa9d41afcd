/** The services that an origin needs: PostgreSQL, and Redis over REST with a mailbox in a process of their own. */

import { createPrivateKey, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openDatabase } from '../../db/client.ts'
import { openLocalPostgres } from '../../local/postgres.ts'
import { loadKeys } from '../../server/features/keys/service.ts'
import { deriveKeys } from '../../server/lib/crypto/derived-keys.ts'
import { createNodeSignaturePort } from '../../server/lib/crypto/node-signature.ts'
import { createSealedBox } from '../../server/lib/crypto/sealed-box.ts'
import { openNodeProcess } from './node-process.ts'
import type { Scope } from './scenario.ts'
import { createTokenSource, type Identity, type TokenSource } from './tokens.ts'

/** What the process is asked. A delay simulates a Redis that is further away. */
export type RedisAndMailboxQuestion = 'endpoints' | 'redis-calls' | 'redis-keys' | { readonly delayMs: number }

/** Where Redis and the mailbox listen. */
export interface Endpoints {
  readonly redisUrl: string
  readonly redisToken: string
  readonly smtpUrl: string
}

/** The keys in Redis at one moment. */
export interface RedisKeys {
  readonly count: number
  /** Keys without a time to live. */
  readonly lasting: readonly string[]
}

/** Redis over REST and a mailbox, in one process. */
export interface RedisAndMailbox extends Endpoints {
  readonly pid: number
  /** HTTP requests that Redis has answered so far. */
  redisCalls(): Promise<number>
  redisKeys(): Promise<RedisKeys>
  /** Delays every later answer of Redis by `delayMs`. */
  delayRedis(delayMs: number): Promise<void>
}

/** PostgreSQL, Redis, a mailbox, and the secrets of the origins on them. */
export interface Engines extends RedisAndMailbox {
  readonly databaseUrl: string
  /** The origins on these engines derive every key from it. */
  readonly rootSecret: string
  readonly edgeSecret: string
}

/** Opens a Redis and a mailbox; they end with the scope. */
export async function openRedisAndMailbox(scope: Scope): Promise<RedisAndMailbox> {
  const file = new URL('../processes/redis-and-mailbox.ts', import.meta.url)
  const child = scope.closing(await openNodeProcess({ file }))
  const ask = <Answer>(question: RedisAndMailboxQuestion) => child.ask<Answer>(question)
  return {
    ...(await ask<Endpoints>('endpoints')),
    pid: child.pid,
    redisCalls: () => ask<number>('redis-calls'),
    redisKeys: () => ask<RedisKeys>('redis-keys'),
    delayRedis: async delayMs => {
      await ask({ delayMs })
    }
  }
}

/** Opens the engines. They end with the scope. PostgreSQL waits for the disk, as in production. */
export async function openEngines(scope: Scope): Promise<Engines> {
  const postgres = scope.closing(await openLocalPostgres({ dataDir: join(scope.dir, 'postgres') }))
  return {
    ...(await openRedisAndMailbox(scope)),
    databaseUrl: postgres.url,
    rootSecret: randomBytes(32).toString('hex'),
    edgeSecret: randomBytes(32).toString('hex')
  }
}

/** Loads the signing key that an origin on these engines has created, and signs tokens for `users` with it. */
export async function loadTokenSource(
  { databaseUrl, rootSecret }: Engines,
  issuer: string,
  users: readonly Identity[]
): Promise<TokenSource> {
  const database = openDatabase({ url: databaseUrl, maxConnections: 1 })
  try {
    const box = createSealedBox(deriveKeys([rootSecret]))
    const nowMs = () => Date.now()
    const keys = await loadKeys({ database, box, signature: createNodeSignaturePort(), nowMs })
    const { kid, privatePem } = keys.active()
    return createTokenSource({ kid, algorithm: 'ES256', privateKey: createPrivateKey(privatePem) }, issuer, users)
  } finally {
    await database.close()
  }
}
