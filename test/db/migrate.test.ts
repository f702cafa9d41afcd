/** The migrated schema: created once by any number of processes, and its constraints. */

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import postgres from 'postgres'
import t from 'tap'
import { brokenConstraint, DatabaseUnavailableError, openDatabase } from '../../db/client.ts'
import { migrateDatabase } from '../../db/migrate.ts'
import { emptyDatabase } from '../lib/test-engines.ts'

const url = await emptyDatabase(t)
const sql = postgres(url, { max: 2, onnotice: () => {} })
t.teardown(() => sql.end())
const journal = JSON.parse(await readFile(new URL('../../db/migrations/meta/_journal.json', import.meta.url), 'utf8'))

t.test('migrateDatabase() can run many times at once, and again, and applies each migration once', async t => {
  await Promise.all(Array.from({ length: 5 }, () => migrateDatabase(url)))
  await migrateDatabase(url)
  const applied = await sql`select hash from drizzle.__drizzle_migrations`
  t.equal(applied.length, journal.entries.length)
  const tables = await sql`select table_name from information_schema.tables where table_schema = 'public'`
  const names = tables.map(row => row.table_name)
  for (const name of [
    'users',
    'registrations',
    'sessions',
    'mailed_tokens',
    'outbox',
    'signing_keys',
    'audit_events'
  ]) {
    t.ok(names.includes(name), name)
  }
})

t.test('migrateDatabase() leaves no lock behind', async t => {
  const locks = await sql`select 1 from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`
  t.equal(locks.length, 0)
})

t.test('a mailed token is for exactly one target, and a second active or next key is refused', async t => {
  const target = (userId: string | null, registrationId: string | null) =>
    sql`insert into mailed_tokens (token_hash, purpose, user_id, registration_id, created_at, expires_at)
      values ('\\x01', 'verify-email', ${userId}, ${registrationId}, now(), now())`
  const brokenBy = (insert: Promise<unknown>) => insert.then(() => 'nothing', brokenConstraint)
  t.equal(await brokenBy(target(null, null)), 'mailed_tokens_one_target_check')
  t.equal(await brokenBy(target(randomUUID(), randomUUID())), 'mailed_tokens_one_target_check')
  const key = (kid: string, state = 'active') =>
    sql`insert into signing_keys (kid, algorithm, state, public_jwk, sealed_private_key, created_at, state_since)
      values (${kid}, 'ES256', ${state}, '{}', '\\x00', now(), now())`
  await key('first')
  t.equal(await brokenBy(key('second')), 'signing_keys_one_active_idx')
  await key('third', 'next')
  t.equal(await brokenBy(key('fourth', 'next')), 'signing_keys_one_next_idx')
})

t.test('a transaction takes effect together or not at all', async t => {
  const database = openDatabase({ url })
  t.teardown(() => database.close())
  const registration = (id: string) =>
    `insert into registrations (id, email, name, password_hash, created_at, expires_at)
      values ('${id}', 'ada@example.com', 'Ada', '', now(), now())`
  const id = randomUUID()
  const error = await database
    .transaction(async db => {
      await db.execute(registration(id))
      await db.execute(registration(id))
    })
    .catch((found: unknown) => found)
  t.equal(brokenConstraint(error), 'registrations_pkey')
  t.notMatch(String(error), /insert into/, 'the error does not quote SQL')
  t.equal((await sql`select 1 from registrations`).length, 0)
})

t.test('work that takes too long and an unreachable server give one kind of error', async t => {
  const slow = openDatabase({ url, deadlineMs: 200 })
  t.teardown(() => slow.close())
  await t.rejects(
    slow.run(db => db.execute('select pg_sleep(30)')),
    DatabaseUnavailableError
  )
  await t.rejects(
    slow.transaction(db => db.execute('select pg_sleep(30)')),
    DatabaseUnavailableError
  )
  t.strictSame([...(await slow.run(db => db.execute('select 1 as one')))], [{ one: 1 }], 'and the pool still works')

  const absent = openDatabase({ url: 'postgres://nobody:secret-password@127.0.0.1:1/nothing', deadlineMs: 1000 })
  t.teardown(() => absent.close())
  const error = await absent.run(db => db.execute('select 1')).catch((found: unknown) => found)
  t.ok(error instanceof DatabaseUnavailableError)
  t.notMatch(String(error), 'secret-password')
})
