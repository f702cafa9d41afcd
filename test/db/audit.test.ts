/** The audit tables: append-only for every role, purged by one function, and the rights of the application's role. */

import { randomUUID } from 'node:crypto'
import postgres, { type Sql } from 'postgres'
import t, { type Test } from 'tap'
import { migrateDatabase } from '../../db/migrate.ts'
import { openAppRole } from '../../local/postgres/app-role.ts'
import { lanes } from '../lib/lanes.ts'
import { emptyDatabase, migratedDatabase } from '../lib/test-engines.ts'

const CHANGES = ['update', 'delete', 'truncate'] as const
const TABLES = ['audit_events', 'audit_chain'] as const

const statement = (change: (typeof CHANGES)[number], table: string) =>
  ({
    update: `update ${table} set ${table === 'audit_chain' ? 'hash' : 'kind'} = default`,
    delete: `delete from ${table}`,
    truncate: `truncate ${table}`
  })[change]

/** Events of the given numbers of days ago, oldest first, each with its link. */
async function insertLinked(sql: Sql, ...daysAgo: number[]): Promise<void> {
  const [row] = await sql`select coalesce(max(position), 0)::int as newest from audit_chain`
  let position = Number(row?.newest)
  for (const days of daysAgo) {
    const id = randomUUID()
    const at = new Date(Date.now() - days * 86_400_000)
    await sql`insert into audit_events (id, at, kind, outcome, sealed_personal) values (${id}, ${at}, 'logged-out', 'success', '')`
    await sql`insert into audit_chain (position, event_id, event_at, hash) values (${++position}, ${id}, ${at}, '')`
  }
}

function connect(t: Test, url: string): Sql {
  const sql = postgres(url, { max: 2, onnotice: () => {} })
  t.teardown(() => sql.end({ timeout: 1 }))
  return sql
}

/** A migrated database, its owner, and the role of an application. */
async function openRoles(t: Test, ownerUrl: string): Promise<{ owner: Sql; app: Sql; appUrl: string }> {
  const owner = connect(t, ownerUrl)
  const role = `gatehouse_test_${randomUUID().slice(0, 8)}`
  t.teardown(() => owner.unsafe(`drop role if exists ${role}`))
  const appUrl = await openAppRole(ownerUrl, role)
  return { owner, app: connect(t, appUrl), appUrl }
}

/** The URL of the same database for another role. */
function as(url: string, username: string, password: string): string {
  return Object.assign(new URL(url), { username, password }).href
}

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing was refused',
    (error: Error) => error.message
  )

for (const lane of lanes()) {
  t.test(lane.name, { skip: lane.skip }, async t => {
    const url = await migratedDatabase(t, lane)
    const server = { ...lane, databaseUrl: url }
    const { owner, app, appUrl } = await openRoles(t, url)
    await insertLinked(owner, 0)

    t.test('the role of the application is denied every change of the audit tables', async t => {
      for (const table of TABLES) {
        for (const change of CHANGES) {
          t.match(await refusal(app.unsafe(statement(change, table))), 'permission denied', `${change} ${table}`)
        }
      }
    })

    t.test('a trigger refuses them to the owner, even if no row would change', async t => {
      for (const table of TABLES) {
        for (const change of CHANGES) {
          t.match(await refusal(owner.unsafe(statement(change, table))), 'append-only', `${change} ${table}`)
        }
        t.match(await refusal(owner.unsafe(`delete from ${table} where false`)), 'append-only')
      }
      const upsert = `insert into audit_chain select * from audit_chain on conflict (position) do update set hash = ''`
      t.match(await refusal(owner.unsafe(upsert)), 'append-only', 'nor by an upsert')
    })

    t.test('the role of the application reads and writes all other tables, and appends to these', async t => {
      const tables = await owner`select table_name from information_schema.tables where table_schema = 'public'`
      for (const { table_name: table } of tables) {
        const rights = TABLES.includes(table) ? 'select, insert' : 'select, insert, update, delete'
        for (const right of rights.split(', ')) {
          const [row] = await app`select has_table_privilege(${table}, ${right}) as has`
          t.ok(row?.has, `${right} ${table}`)
        }
      }
      await insertLinked(app, 0)
      t.match(await refusal(app.unsafe('create table intruder ()')), 'permission denied')
      t.match(await refusal(app.unsafe('drop table users')), 'must be owner')
      t.match(await refusal(app.unsafe('alter table audit_events disable trigger all')), 'must be owner')
    })

    t.test('purge_audit_events() removes at most the given number of old events, and no young one', async t => {
      const { owner, app } = await openRoles(t, await migratedDatabase(t, server))
      await insertLinked(owner, 400, 399, 398, 397, 40, 1)
      const yearAgo = new Date(Date.now() - 365 * 86_400_000)
      const purge = async (before: Date, rows: number) => {
        const [row] = await app`select purge_audit_events(${before}, ${rows}) as purged`
        return row?.purged
      }
      const left = async () => {
        const [row] = await owner`select (select count(*)::int from audit_events) as events,
          (select count(*)::int from audit_chain) as links, (select min(position)::int from audit_chain) as anchor`
        return row
      }
      t.equal(await purge(yearAgo, 3), 3)
      t.match(await left(), { events: 3, links: 4, anchor: 3 }, 'the newest purged link stays')
      t.equal(await purge(yearAgo, 1), 1, 'and does not block the next purge')
      t.equal(await purge(yearAgo, 3), 0)
      t.match(await left(), { events: 2, links: 3, anchor: 4 })
      const after = owner.begin(async sql => {
        await sql`select purge_audit_events(now() - interval '31 days', 1)`
        await sql`delete from audit_events`
      })
      t.match(await refusal(after), 'append-only', 'the tables are append-only again within the transaction')
      t.equal(await purge(new Date(Date.now() - 31 * 86_400_000), 3), 1)
      t.match(await left(), { events: 1, links: 2, anchor: 5 })

      const tooYoung = new Date(Date.now() - 29 * 86_400_000)
      t.match(await refusal(app`select purge_audit_events(${tooYoung}, 1)`), 'AUDIT_RETENTION')
      t.match(await refusal(app`select purge_audit_events(null, 1)`), 'younger')
      t.match(await refusal(app`select purge_audit_events(${yearAgo}, 0)`), 'at least 1')
      t.match(await left(), { events: 1, links: 2, anchor: 5 })
    })

    t.test('a late event of long ago does not let younger ones before it be purged', async t => {
      const { owner, app } = await openRoles(t, await migratedDatabase(t, server))
      await insertLinked(owner, 10, 400)
      const [row] = await app`select purge_audit_events(now() - interval '31 days', 10) as purged`
      t.equal(row?.purged, 0)
    })

    t.test(
      'migrateDatabase() as the application succeeds without missing migrations, and otherwise names the owner',
      async t => {
        await migrateDatabase(appUrl)
        const { username, password } = new URL(appUrl)
        const message = await refusal(migrateDatabase(as(await emptyDatabase(t, server), username, password)))
        t.match(message, 'MIGRATION_DATABASE_URL')
        t.notMatch(message, password)
      }
    )

    t.test('an owner that is not a superuser migrates, with or without the right to create roles', async t => {
      for (const createRole of ['createrole', 'nocreaterole']) {
        const name = `gatehouse_owner_${randomUUID().slice(0, 8)}`
        await owner.unsafe(`create role ${name} login password 'secret' ${createRole}`)
        t.teardown(() => owner.unsafe(`drop role ${name}`))
        const empty = await emptyDatabase(t, server)
        await owner.unsafe(`alter database ${new URL(empty).pathname.slice(1)} owner to ${name}`)
        const ordinaryUrl = as(empty, name, 'secret')
        await migrateDatabase(ordinaryUrl)
        const ordinary = connect(t, ordinaryUrl)
        await insertLinked(ordinary, 400, 0)
        t.match(await refusal(ordinary.unsafe('delete from audit_events')), 'append-only', createRole)
        const [row] = await ordinary`select purge_audit_events(now() - interval '1 year', 10) as purged`
        t.equal(row?.purged, 1)
        await ordinary`select grant_gatehouse_app()`
      }
    })

    t.test('databases of one server can be migrated at the same moment', async t => {
      const urls = await Promise.all([1, 2, 3].map(() => emptyDatabase(t, server)))
      await Promise.all(urls.map(migrateDatabase))
      for (const one of urls) {
        const [row] = await connect(t, one)`select has_table_privilege('gatehouse_app', 'users', 'delete') as granted`
        t.ok(row?.granted)
      }
    })
  })
}
