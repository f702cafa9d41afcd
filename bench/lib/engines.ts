/** What an origin needs around it: PostgreSQL as it ships, Redis over REST, a mailbox; each in a process of its own. */

import { createPrivateKey, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openDatabase } from '../../db/client.ts'
import { openLocalPostgres } from '../../local/postgres.ts'
import { loadKeys } from '../../server/features/keys/service.ts'
import { deriveKeys } from '../../server/lib/crypto/derived-keys.ts'
import { createNodeSignaturePort } from '../../server/lib/crypto/node-signature.ts'
import { createSealedBox } from '../../server/lib/crypto/sealed-box.ts'
import type { Places, RedisKeys, SurroundingsQuestion } from '../variants/surroundings.ts'
import { openNodeProcess } from './node-process.ts'
import type { Scope } from './scenario.ts'
import { createTokenSource, type Identity, type TokenSource } from './tokens.ts'

/** Redis over REST and a mailbox, in one process. */
export interface Surroundings extends Places {
  readonly pid: number
  /** HTTP requests that Redis has answered so far. */
  redisCalls(): Promise<number>
  redisKeys(): Promise<RedisKeys>
  /** From now on Redis answers this much later. */
  delayRedis(delayMs: number): Promise<void>
}

export interface Engines extends Surroundings {
  readonly databaseUrl: string
  /** Every key of the origins on these engines is derived from it. */
  readonly rootSecret: string
  readonly edgeSecret: string
}

/** Opens a Redis and a mailbox; they end with the scope. */
export async function openSurroundings(scope: Scope): Promise<Surroundings> {
  const file = new URL('../variants/surroundings.ts', import.meta.url)
  const child = scope.closing(await openNodeProcess({ file }))
  const ask = <Answer>(question: SurroundingsQuestion) => child.ask<Answer>(question)
  return {
    ...(await ask<Places>('places')),
    pid: child.pid,
    redisCalls: () => ask<number>('redis-calls'),
    redisKeys: () => ask<RedisKeys>('redis-keys'),
    delayRedis: async delayMs => {
      await ask({ delayMs })
    }
  }
}

/** Opens all of them; they end with the scope. PostgreSQL waits for the disk, as it does in production. */
export async function openEngines(scope: Scope): Promise<Engines> {
  const postgres = scope.closing(await openLocalPostgres({ dataDir: join(scope.dir, 'postgres') }))
  return {
    ...(await openSurroundings(scope)),
    databaseUrl: postgres.url,
    rootSecret: randomBytes(32).toString('hex'),
    edgeSecret: randomBytes(32).toString('hex')
  }
}

/** Signs tokens for `people` as an origin on these engines does, which must have been started once. */
export async function openTokenSource(
  { databaseUrl, rootSecret }: Engines,
  issuer: string,
  people: readonly Identity[]
): Promise<TokenSource> {
  const database = openDatabase({ url: databaseUrl, maxConnections: 1 })
  try {
    const box = createSealedBox(deriveKeys([rootSecret]))
    const nowMs = () => Date.now()
    const keys = await loadKeys({ database, box, signature: createNodeSignaturePort(), nowMs })
    const { kid, privatePem } = keys.active()
    return createTokenSource({ kid, algorithm: 'ES256', privateKey: createPrivateKey(privatePem) }, issuer, people)
  } finally {
    await database.close()
  }
}
