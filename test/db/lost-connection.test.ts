/** A transaction fails when its connection dies, but neither the process nor the pool is harmed. */

import postgres from 'postgres'
import t from 'tap'
import { DatabaseUnavailableError, openDatabase, type Queryable } from '../../db/client.ts'
import { sql } from '../../db/drizzle.ts'
import { migratedDatabase } from '../lib/test-engines.ts'
import { until } from '../lib/until.ts'

const url = await migratedDatabase(t)
const owner = postgres(url, { max: 2, onnotice: () => {} })
t.teardown(() => owner.end())

/** Ends the sessions of `database` that wait for a lock, like a failover or an administrator. */
const endWaiting = () => owner`
  select pg_terminate_backend(pid) from pg_stat_activity
  where application_name = 'gatehouse' and wait_event_type = 'Lock' and datname = current_database()`
const waiting = () => owner`
  select 1 from pg_stat_activity
  where application_name = 'gatehouse' and wait_event_type = 'Lock' and datname = current_database()`

t.test('a connection that dies between two statements, or fails the work of another one, does no harm', async t => {
  const database = openDatabase({ url, maxConnections: 1 })
  t.teardown(() => database.close())
  const pidOf = sql`select pg_backend_pid() as pid`
  const waysOn: readonly ((db: Queryable) => Promise<unknown>)[] = [
    db => db.execute(sql`select 1`),
    async () => 'returns',
    async () => {
      throw new Error('the work itself')
    }
  ]
  for (const goOn of waysOn) {
    const work = database.transaction(async db => {
      const [row] = await db.execute<{ pid: number }>(pidOf)
      const pid = row?.pid ?? 0
      await owner`select pg_terminate_backend(${pid})`
      await until(
        'it is gone',
        async () => (await owner`select 1 from pg_stat_activity where pid = ${pid}`).length === 0
      )
      return goOn(db)
    })
    await t.rejects(work)
    await until('the pool serves again', () => database.run(db => db.execute(pidOf)).catch(() => false))
  }

  const foreign = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  const failing = database.transaction(async db => {
    await db.execute(sql`lock table outbox in access exclusive mode`)
    throw foreign
  })
  await t.rejects(failing)
  t.ok(
    await database.run(db => db.execute(sql`select count(*) from outbox`)),
    'it is rolled back, and the slot is free'
  )
})

t.test('transactions fail when their connections end while they wait, and the next ones run', async t => {
  const database = openDatabase({ url, maxConnections: 4 })
  t.teardown(() => database.close())
  const count = sql`select count(*) from outbox`
  const serveTogether = async () => {
    const works = Array.from({ length: 4 }, () => database.transaction(db => db.execute(count)))
    const outcomes = await Promise.allSettled(works)
    for (const one of outcomes) if (one.status === 'rejected') t.ok(one.reason instanceof DatabaseUnavailableError)
    return outcomes.every(({ status }) => status === 'fulfilled')
  }
  for (let round = 0; round < 5; round++) {
    const lock = await owner.reserve()
    await lock`begin`
    await lock`lock table outbox in access exclusive mode`
    const works = Array.from({ length: 4 }, () =>
      database.transaction(async db => {
        await db.execute(sql`select 1`)
        await db.execute(count)
        await db.execute(sql`select 2`)
      })
    )
    const refused = Promise.all(works.map(work => t.rejects(work, DatabaseUnavailableError)))
    await until('all of them wait', async () => (await waiting()).length === 4)
    await endWaiting()
    await refused
    await lock`rollback`
    lock.release()
    // The driver reports the end of a connection to the first work after it.
    await until('every connection of the pool serves again', () => serveTogether())
  }
  const all = await Promise.all(Array.from({ length: 12 }, () => database.transaction(db => db.execute(count))))
  t.equal(all.length, 12, 'every connection of the pool works as before')
})
