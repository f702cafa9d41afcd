/** Engines for one test file: a PostgreSQL with a database of its own and a Redis endpoint, both gone afterwards. */

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { migrateDatabase } from '../../db/migrate.ts'
import { openLocalPostgres } from '../../local/postgres.ts'
import { openEngineBackend, openRedisBackend, openRedisRest, type RedisRest } from '../../local/redis-rest.ts'
import { EMBEDDED, type Lane } from './lanes.ts'

/** What of a tap test the helpers need. */
export interface Teardown {
  teardown(work: () => unknown): void
}

/** A folder that is gone after the test. */
export async function temporaryDir(t: Teardown): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gatehouse-test-'))
  t.teardown(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }))
  return dir
}

/** The URL of an empty database on the lane's server. */
export async function emptyDatabase(t: Teardown, lane: Lane = EMBEDDED): Promise<string> {
  const server = lane.databaseUrl ?? (await embeddedServer(t))
  const name = `gatehouse_test_${randomBytes(6).toString('hex')}`
  const admin = postgres(server, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create database ${name}`)
  t.teardown(async () => {
    await admin.unsafe(`drop database if exists ${name} with (force)`)
    await admin.end()
  })
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** The URL of a migrated database on the lane's server. */
export async function migratedDatabase(t: Teardown, lane: Lane = EMBEDDED): Promise<string> {
  const url = await emptyDatabase(t, lane)
  await migrateDatabase(url)
  return url
}

/**
 * A Redis endpoint on the lane's engine.
 *
 * A real Redis is shared with others: give each suite a logical database of its own, which must be empty before
 * and is emptied of our keys afterwards.
 */
export async function redisEndpoint(t: Teardown, lane: Lane = EMBEDDED, logicalDatabase = 1): Promise<RedisRest> {
  const backend =
    lane.redisUrl === undefined
      ? await openEngineBackend()
      : await openRedisBackend(`${lane.redisUrl.replace(/\/\d*$/, '')}/${logicalDatabase}`)
  const rest = await openRedisRest({ backend, token: randomBytes(16).toString('hex') })
  t.teardown(async () => {
    if (lane.redisUrl !== undefined) {
      const keys = await backend.execute(['KEYS', 'gatehouse:*'])
      if (Array.isArray(keys) && keys.length > 0) await backend.execute(['DEL', ...keys.map(String)])
    }
    await rest.close()
    await backend.close()
  })
  return rest
}

async function embeddedServer(t: Teardown): Promise<string> {
  const dataDir = join(await temporaryDir(t), 'postgres')
  // With owners, links and times: the server refuses a cluster that is not its own.
  await promisify(execFile)('cp', ['-a', await templateCluster(), dataDir])
  const server = await openLocalPostgres({ dataDir })
  t.teardown(() => server.close())
  return server.url
}

/** Beside tap's own files, which are never committed. */
const TEMPLATE = fileURLToPath(new URL('../../.tap/postgres-template', import.meta.url))

/** A cluster that was made once and is only ever copied: making one takes ten times as long. */
async function templateCluster(): Promise<string> {
  if (existsSync(TEMPLATE)) return TEMPLATE
  const draft = `${TEMPLATE}-${process.pid}`
  const server = await openLocalPostgres({ dataDir: draft })
  await server.close()
  // Nobody misses what a test has written when the power goes; waiting for the disk is most of what a test would wait for.
  await appendFile(join(draft, 'cluster', 'postgresql.conf'), '\nfsync = off\nsynchronous_commit = off\n')
  // Of several files that make one at once, the first wins and the others throw theirs away.
  await rename(draft, TEMPLATE).catch(() => rm(draft, { recursive: true, force: true }))
  return TEMPLATE
}
