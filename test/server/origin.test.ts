/** An origin that cannot open fails with its own error, and closes everything that it opened. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import postgres from 'postgres'
import t from 'tap'
import { loadConfig } from '../../server/config.ts'
import { createLogger } from '../../server/logger.ts'
import { openOrigin } from '../../server/origin.ts'
import { migratedDatabase, redisEndpoint } from '../lib/test-engines.ts'
import { TEST_SETTINGS } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

const databaseUrl = await migratedDatabase(t)
const redis = await redisEndpoint(t)
const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end())

const taken = createServer().listen(0, '127.0.0.1')
await once(taken, 'listening')
t.teardown(() => taken.close())
const takenPort = String((taken.address() as AddressInfo).port)

const open = (settings: Readonly<Record<string, string>> = {}) =>
  openOrigin(
    loadConfig({
      ...TEST_SETTINGS,
      DATABASE_URL: databaseUrl,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      SMTP_URL: 'smtp://127.0.0.1:1',
      ...settings
    }),
    createLogger('silent')
  )

const connections = async () =>
  (await sql`select 1 from pg_stat_activity where application_name = 'gatehouse' and datname = current_database()`)
    .length

t.test('an origin that cannot read its keys closes its connections to the database', async t => {
  await sql`alter table signing_keys rename to signing_keys_away`
  t.teardown(() => sql`alter table signing_keys_away rename to signing_keys`)
  await t.rejects(open(), /signing_keys/)
  await until('no connection is left', async () => (await connections()) === 0)
})

t.test('an origin that cannot listen closes everything, its metrics included', async t => {
  await t.rejects(open({ PORT: takenPort, METRICS_PORT: '0' }), { code: 'EADDRINUSE' })
  await until('no connection is left', async () => (await connections()) === 0)
})

t.test('an origin that cannot serve its metrics closes everything', async t => {
  await t.rejects(open({ METRICS_PORT: takenPort }), { code: 'EADDRINUSE' })
  await until('no connection is left', async () => (await connections()) === 0)
})

t.test('close() ends every connection, and a second call changes nothing', async t => {
  const origin = await open()
  await origin.started
  t.ok((await connections()) > 0)
  await origin.close()
  await origin.close()
  await until('no connection is left', async () => (await connections()) === 0)
})
