/** The deadline of work: it ends work that takes too long, and keeps every answer that arrived in time. */

import { sql } from 'drizzle-orm'
import t from 'tap'
import { DatabaseUnavailableError, openDatabase } from '../../db/client.ts'
import { emptyDatabase } from '../lib/test-engines.ts'
import { until } from '../lib/until.ts'

const DEADLINE_MS = 300

t.test('openDatabase()', async t => {
  const url = await emptyDatabase(t)
  const database = openDatabase({ url, deadlineMs: DEADLINE_MS })
  t.teardown(() => database.close())
  const wait = (seconds: number) => database.run(db => db.execute(sql.raw(`select pg_sleep(${seconds})`)))
  // Connecting may take longer than the tested deadline.
  while (
    !(await wait(0).then(
      () => true,
      () => false
    ))
  );

  await t.test('accepts work that was done while the process was stalled past the deadline', async t => {
    for (let i = 0; i < 5; i++) {
      const working = wait(0.01)
      for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * DEADLINE_MS)
      await t.resolves(working)
    }
  })
  await t.test('gives up work that takes too long', async t => {
    await t.rejects(wait(30), DatabaseUnavailableError)
  })
  await t.test(
    'ends it on the server as well: in a transaction, behind another statement, and before it could begin',
    async t => {
      const busy = openDatabase({ url, deadlineMs: DEADLINE_MS, maxConnections: 1 })
      t.teardown(() => busy.close())
      const sleep = sql.raw('select pg_sleep(60)')
      const works = [
        busy.transaction(db => db.execute(sleep)),
        ...Array.from({ length: 3 }, () => busy.run(db => db.execute(sleep)))
      ]
      await Promise.all(works.map(work => t.rejects(work, DatabaseUnavailableError)))
      const active = sql.raw(
        `select pid from pg_stat_activity where datname = current_database() and query = 'select pg_sleep(60)' and state = 'active'`
      )
      await until('no statement goes on', async () => (await database.run(db => db.execute(active))).length === 0)
      await until('the connection is free again', () =>
        busy.run(db => db.execute(sql.raw('select 1'))).catch(() => undefined)
      )
    }
  )
})
