/** Engines for one test file: a database of its own and a Redis endpoint, both gone afterwards. */

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import postgres from 'postgres'
import root from 'tap'
import { migrateDatabase } from '../../db/migrate.ts'
import { prepareAppRole } from '../../local/postgres/app-role.ts'
import { openEngineBackend, openRedisBackend, openRedisRest, type RedisRest } from '../../local/redis-rest.ts'
import { EMBEDDED, type Lane } from './lanes.ts'
import { type Teardown, temporaryDir } from './temporary-dir.ts'
import { MIGRATED_TEMPLATE, openTestPostgres, RUN_POSTGRES_URL } from './test-postgres.ts'

export { type Teardown, temporaryDir } from './temporary-dir.ts'

/** The URL of an empty database on the lane's server. */
export async function emptyDatabase(t: Teardown, lane: Lane = EMBEDDED): Promise<string> {
  return createDatabase(t, lane.databaseUrl ?? (await testServer()))
}

/** The URL of a migrated database on the lane's server. */
export async function migratedDatabase(t: Teardown, lane: Lane = EMBEDDED): Promise<string> {
  if (lane.databaseUrl === undefined) return createDatabase(t, await testServer(), MIGRATED_TEMPLATE)
  const url = await emptyDatabase(t, lane)
  await migrateDatabase(url)
  return url
}

let server: Promise<string> | undefined

/** The server of the run. A file that runs by itself opens one, which ends with its process. */
function testServer(): Promise<string> {
  server ??= openUnlessShared()
  return server
}

async function openUnlessShared(): Promise<string> {
  const shared = process.env[RUN_POSTGRES_URL]
  if (shared !== undefined) return shared
  const own = await openTestPostgres(join(await temporaryDir(root), 'postgres'))
  root.teardown(() => own.close())
  return own.url
}

async function createDatabase(t: Teardown, server: string, template = 'template1'): Promise<string> {
  const name = `gatehouse_test_${randomBytes(6).toString('hex')}`
  const admin = postgres(server, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create database ${name} template ${template}`)
  t.teardown(async () => {
    await admin.unsafe(`drop database if exists ${name} with (force)`)
    await admin.end()
  })
  return Object.assign(new URL(server), { pathname: `/${name}` }).href
}

/**
 * The URL of a database for a role that owns nothing, as an origin's is in production.
 *
 * Roles belong to the whole server, which other files use at the same time. Each database gets its own role.
 */
export async function appRole(t: Teardown, ownerUrl: string): Promise<string> {
  const role = `${new URL(ownerUrl).pathname.slice(1)}_origin`
  const owner = postgres(ownerUrl, { max: 1, onnotice: () => {} })
  t.teardown(async () => {
    await owner.unsafe(`drop role if exists ${role}`)
    await owner.end()
  })
  return prepareAppRole(ownerUrl, role)
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
