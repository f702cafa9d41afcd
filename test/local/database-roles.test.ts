/** The roles of a local database: the origin owns no table, and a server of the operator keeps its roles. */

import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import postgres from 'postgres'
import t from 'tap'
import { prepareDatabaseRoles, writeCommandSettings } from '../../local/database-roles.ts'
import { EMBEDDED } from '../lib/lanes.ts'
import { emptyDatabase } from '../lib/test-engines.ts'

const server = await emptyDatabase(t)
const lane = { ...EMBEDDED, databaseUrl: server }

async function query(url: string, text: string) {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await sql.unsafe(text)
  } finally {
    await sql.end()
  }
}

t.test('an embedded database is migrated by its owner, and its origin gets a role that owns no table', async t => {
  const { owner, worker } = await prepareDatabaseRoles(server, {})
  t.equal(owner, server)
  t.match(await query(worker, 'select current_user as who'), [{ who: 'gatehouse_origin' }])
  t.same(await query(worker, 'select * from users'), [])
  await t.rejects(query(worker, 'delete from audit_events'), { message: /permission denied/ })

  const again = await prepareDatabaseRoles(server, {})
  t.not(again.worker, worker, 'every start makes a new password')
  t.same(await query(again.worker, 'select * from users'), [])
  await t.rejects(query(worker, 'select 1'), { message: /password authentication failed/ })
})

t.test('a database of the operator is used as given, and migrated by its owner', async t => {
  const own = await emptyDatabase(t, lane)
  t.strictSame(await prepareDatabaseRoles(own, { DATABASE_URL: own }), { owner: own, worker: own })
  t.same(await query(own, 'select * from users'), [])
  const { username, password } = new URL((await prepareDatabaseRoles(server, {})).worker)
  const worker = Object.assign(new URL(own), { username, password }).href
  const given = { DATABASE_URL: worker, MIGRATION_DATABASE_URL: own }
  t.strictSame(await prepareDatabaseRoles(worker, given), { owner: own, worker })
  const without = await prepareDatabaseRoles(server, { MIGRATION_DATABASE_URL: own })
  t.equal(without.owner, server, 'MIGRATION_DATABASE_URL alone concerns no embedded database')
})

t.test('the settings file of the command line is private, and node reads it correctly', async t => {
  const path = join(t.testdir(), 'origin.env')
  const roles = { owner: 'postgres://o:p%40@h/d', worker: 'postgres://w:p@h/d' }
  await writeCommandSettings(path, roles, 'a secret, and=another#one')
  t.equal((await stat(path)).mode & 0o777, 0o600)
  t.strictSame(
    { ...parseEnv(await readFile(path, 'utf8')) },
    {
      DATABASE_URL: roles.worker,
      MIGRATION_DATABASE_URL: roles.owner,
      ROOT_SECRETS: 'a secret, and=another#one'
    }
  )

  const redis = { url: 'http://127.0.0.1:8079', token: 'a token' }
  await writeCommandSettings(path, roles, 'a secret, and=another#one', redis)
  t.match(
    parseEnv(await readFile(path, 'utf8')),
    {
      ROOT_SECRETS: 'a secret, and=another#one',
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token
    },
    'and where the edges are told of a removed key'
  )
})
