/** PgBouncer in transaction mode, with its defaults otherwise, before a database of the embedded server. */

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { spawnTied, stopChild } from '../../local/child.ts'
import { type Teardown, temporaryDir } from './test-engines.ts'
import { until } from './until.ts'

/** Debian installs it outside the PATH of ordinary users. */
const PATH = `${process.env.PATH}:/usr/sbin`

/** `false` where it is installed, otherwise why its tests are skipped. */
export const withoutPgbouncer =
  spawnSync('pgbouncer', ['--version'], { env: { PATH } }).status === 0 ? false : 'pgbouncer is not installed'

/** An account without rights: PgBouncer refuses to run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 }

/** Opens it. @returns the URL of the database through it */
export async function openPgbouncer(t: Teardown, databaseUrl: string): Promise<string> {
  const dir = await temporaryDir(t)
  const server = new URL(databaseUrl)
  const port = await freePort()
  const user = process.getuid?.() === 0 ? NOBODY : undefined
  const quoted = (text: string) => `"${decodeURIComponent(text).replaceAll('"', '""')}"`
  await writeFile(join(dir, 'users.txt'), `${quoted(server.username)} ${quoted(server.password)}\n`)
  await writeFile(
    join(dir, 'pgbouncer.ini'),
    `[databases]
* = host=${server.hostname} port=${server.port}
[pgbouncer]
pool_mode = transaction
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(dir, 'users.txt')}
logfile = ${join(dir, 'log')}
`
  )
  if (user) {
    await chmod(dir, 0o755)
    await chown(dir, user.uid, user.gid)
  }
  const child = await spawnTied('pgbouncer', [join(dir, 'pgbouncer.ini')], {
    env: { PATH },
    ...(user && { user })
  })
  t.teardown(() => stopChild(child, { signal: 'SIGTERM' }))
  await until('PgBouncer listens', async () => {
    const log = await readFile(join(dir, 'log'), 'utf8').catch(() => '')
    if (child.exitCode !== null) throw new Error(`PgBouncer ended with ${child.exitCode}: ${log}`)
    return log.includes('process up')
  })
  server.hostname = '127.0.0.1'
  server.port = String(port)
  return server.href
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
