/** PostgreSQL away: a 503 within three seconds, never a success, and normal answers when it is back. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { migrateDatabase } from '../../../db/migrate.ts'
import { openLocalPostgres } from '../../../local/postgres.ts'
import { newAddress, PASSWORD, signUp } from '../../lib/person.ts'
import { redisEndpoint, temporaryDir } from '../../lib/test-engines.ts'
import { until } from '../../lib/until.ts'
import { openFaultOrigin } from './fault-origin.ts'

const dataDir = join(await temporaryDir(t), 'postgres')
let server = await openLocalPostgres({ dataDir })
t.teardown(() => server.close())
await migrateDatabase(server.url)
const { timed, url, mailbox } = await openFaultOrigin(t, { databaseUrl: server.url, redis: await redisEndpoint(t) })
const AUTH = '/api/v1/auth'
const ada = await signUp(url, mailbox)
const login = () => timed('POST', `${AUTH}/login`, { body: { email: ada.email, password: PASSWORD } })

/** Requests that need the database. The refresh is last, because it changes the session when it works again. */
const requests: readonly [string, string, object][] = [
  ['POST', `${AUTH}/login`, { body: { email: ada.email, password: PASSWORD } }],
  ['POST', `${AUTH}/register`, { body: { email: newAddress(), password: PASSWORD, name: 'Ada' } }],
  ['POST', `${AUTH}/verify-email/${'A'.repeat(32)}`, {}],
  ['GET', '/api/v1/users/me', { token: ada.accessToken }],
  ['GET', '/health/ready', {}]
]

/** The server's process and every process that it has begun. */
async function serverProcesses(): Promise<number[]> {
  const [pid = ''] = (await readFile(join(dataDir, 'cluster', 'postmaster.pid'), 'utf8')).split('\n')
  const all = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const parents = await Promise.all(all.map(one => readFile(`/proc/${one}/stat`, 'utf8').catch(() => '')))
  const children = all.filter((_, i) => parents[i]?.split(') ').at(-1)?.split(' ')[1] === pid)
  return [pid, ...children].map(Number)
}

t.test(
  'while the server is gone everything that needs it is 503 at once, and comes back without a restart',
  async t => {
    await server.close()
    for (const [method, path, options] of requests) {
      const { status, body, headers, ms } = await timed(method, path, options)
      t.match({ status, body }, { status: 503, body: { code: 'unavailable', detail: undefined } }, path)
      t.match(headers.get('retry-after'), /^[1-9]\d*$/, path)
      t.ok(ms < 3000, `${path} within 3 s: ${Math.round(ms)} ms`)
    }
    t.equal((await timed('GET', '/health/live')).status, 200, 'the process lives')
    t.equal(
      (await timed('GET', `${AUTH}/verify-token`, { token: ada.accessToken })).status,
      200,
      'tokens are still verified'
    )
    server = await openLocalPostgres({ dataDir, port: Number(new URL(server.url).port) })
    await until('somebody can sign in again', async () => (await login()).status === 200)
    t.equal((await timed('GET', '/health/ready')).status, 200)
  }
)

t.test('while the server hangs everything that needs it is 503 within three seconds, and comes back', async t => {
  t.equal((await login()).status, 200)
  const processes = await serverProcesses()
  t.ok(processes.length > 1)
  const signal = (name: NodeJS.Signals) => {
    for (const pid of processes) {
      try {
        process.kill(pid, name)
      } catch {
        // A backend that has ended meanwhile needs no signal.
      }
    }
  }
  signal('SIGSTOP')
  try {
    const answers = await Promise.all(requests.map(([method, path, options]) => timed(method, path, options)))
    for (const [i, { status, headers, ms }] of answers.entries()) {
      const name = requests[i]?.[1] ?? ''
      t.equal(status, 503, name)
      t.match(headers.get('retry-after'), /^[1-9]\d*$/, name)
      t.ok(ms < 3000, `${name} within 3 s: ${Math.round(ms)} ms`)
    }
  } finally {
    signal('SIGCONT')
  }
  await until('somebody can sign in again', async () => (await login()).status === 200)
})
