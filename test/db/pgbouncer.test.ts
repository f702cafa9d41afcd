/**
 * PgBouncer in transaction mode: no code relies on one server connection for each connection of ours.
 *
 * Debian's 1.18 keeps no prepared statements, so they are switched off here. From 1.21 on that is not needed.
 */

import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import t from 'tap'
import { type Database, DatabaseUnavailableError, openDatabase } from '../../db/client.ts'
import { migrateDatabase } from '../../db/migrate.ts'
import { loadConfig } from '../../server/config.ts'
import { call, PASSWORD, signUp } from '../lib/person.ts'
import { openPgbouncer, withoutPgbouncer } from '../lib/pgbouncer.ts'
import { emptyDatabase } from '../lib/test-engines.ts'
import { openTestOrigin, TEST_SETTINGS } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

t.test('through PgBouncer in transaction mode', { skip: withoutPgbouncer }, async t => {
  const directUrl = await emptyDatabase(t)
  const url = await openPgbouncer(t, directUrl)
  const direct = postgres(directUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => direct.end())

  await t.test('any number of processes migrate at once, and no lock is left to a later one', async t => {
    await Promise.all(Array.from({ length: 5 }, () => migrateDatabase(url)))
    await migrateDatabase(url)
    const locks = await direct`select from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`
    t.equal(locks.length, 0)
    t.ok((await direct`select from users`).length === 0, 'the tables are there')
  })

  await t.test('a whole journey succeeds, for many users at once', async t => {
    const settings = { DATABASE_URL: url, DATABASE_PREPARE: 'false' }
    const { url: origin, mailbox } = await openTestOrigin(t, settings)
    const people = await Promise.all(Array.from({ length: 8 }, () => signUp(origin, mailbox)))
    const post = (path: string, body: object) => call(origin, 'POST', `/api/v1/auth/${path}`, { body })
    const again = await Promise.all(
      people.flatMap(({ email, refreshToken }) => [
        post('login', { email, password: PASSWORD }),
        post('refresh', { refreshToken })
      ])
    )
    t.strictSame(
      again.map(({ status }) => status),
      again.map(() => 200)
    )
    const tokens = again.map(({ body }) => body.accessToken)
    const checks = await Promise.all(tokens.map(token => call(origin, 'GET', '/api/v1/users/me', { token })))
    t.strictSame(
      checks.map(({ status }) => status),
      checks.map(() => 200)
    )
    const ended = await call(origin, 'DELETE', '/api/v1/auth/sessions/all', { token: tokens[0] })
    t.equal(ended.status, 204)
    t.equal((await call(origin, 'GET', '/api/v1/users/me', { token: tokens[0] })).status, 401)
  })

  await t.test('a statement that takes too long is cancelled on the server, in a transaction, too', async t => {
    const database = openDatabase({ url, deadlineMs: 300, prepares: false })
    t.teardown(() => database.close())
    const sleep = sql.raw('select pg_sleep(60)')
    await t.rejects(
      database.run(db => db.execute(sleep)),
      DatabaseUnavailableError
    )
    await t.rejects(
      database.transaction(db => db.execute(sleep)),
      DatabaseUnavailableError
    )
    await until('no statement goes on', async () => {
      const active = await direct`select from pg_stat_activity where query like '%pg_sleep(60)%' and state <> 'idle'
        and pid <> pg_backend_pid() and datname = current_database()`
      return active.length === 0
    })
  })

  await t.test('the error for a pooler without prepared statements names the setting to change', async t => {
    const [database, other] = [1, 2].map(() => openDatabase({ url, maxConnections: 1 })) as [Database, Database]
    for (const one of [database, other]) t.teardown(() => one.close())
    // Outside of a transaction the driver prepares such a statement again.
    const prepared = () =>
      database.transaction(async db => {
        await db.execute(sql.raw('select 1'))
        return db
          .select({ one: sql`${1}::int` })
          .from(sql`users`)
          .prepare('one')
          .execute()
      })
    await prepared()
    await other.transaction(async db => {
      // The newest free server connection is the one on which the statement was prepared.
      await db.execute(sql.raw('select 1'))
      await t.rejects(prepared(), { name: 'DatabaseUnavailableError', message: /set DATABASE_PREPARE=false/ })
    })
  })

  await t.test('"pgbouncer=true" in the URL switches them off as well', async t => {
    const config = loadConfig({ ...TEST_SETTINGS, ...OTHERS, DATABASE_URL: `${url}?pgbouncer=true&connection_limit=1` })
    const database = openDatabase({ url: config.databaseUrl, prepares: config.databasePrepare, maxConnections: 2 })
    t.teardown(() => database.close())
    const prepared = () =>
      database.run(db =>
        db
          .select({ one: sql`${1}::int` })
          .from(sql`users`)
          .prepare('one')
          .execute()
      )
    const work = Array.from({ length: 20 }, (_, i) =>
      i % 2 ? prepared() : database.transaction(db => db.execute(sql.raw('select 1')))
    )
    t.equal((await Promise.all(work)).length, 20)
  })

  await t.test('a failed start shows the message of PgBouncer', async t => {
    const refused = (change: (url: URL) => void) => {
      const wrong = new URL(url)
      change(wrong)
      return migrateDatabase(wrong.href).then(
        () => 'it did not fail',
        (error: Error) => error.message
      )
    }
    t.match(await refused(url => url.searchParams.set('options', '-c x=1')), /unsupported startup parameter: options/)
    const message = await refused(url => (url.password = 'a-wrong-password'))
    t.match(message, /authentication failed/)
    t.notMatch(message, /a-wrong-password/)
  })
})

const OTHERS = {
  UPSTASH_REDIS_REST_URL: 'http://redis.test',
  UPSTASH_REDIS_REST_TOKEN: 'token',
  SMTP_URL: 'smtp://mail.test'
}
