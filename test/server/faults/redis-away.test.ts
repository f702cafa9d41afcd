/** Redis away, hanging or answering nonsense: users are served, and the end of a session is published later. */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { openEngineBackend, openRedisRest, type RedisRest } from '../../../local/redis-rest.ts'
import { newAddress, PASSWORD, signUp } from '../../lib/person.ts'
import { migratedDatabase } from '../../lib/test-engines.ts'
import { until } from '../../lib/until.ts'
import { openFaultOrigin } from './fault-origin.ts'

let isHanging = false
const engine = await openEngineBackend()
const token = randomBytes(16).toString('hex')
const moody: typeof engine = {
  ...engine,
  execute: command => (isHanging ? new Promise(() => {}) : engine.execute(command))
}
const open = (port = 0): Promise<RedisRest> => openRedisRest({ backend: moody, token, port })
let gateway = await open()
t.teardown(async () => {
  await gateway.close()
  await engine.close()
})

const databaseUrl = await migratedDatabase(t)
const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end())
const { timed, url, mailbox } = await openFaultOrigin(t, { databaseUrl, redis: gateway })
const AUTH = '/api/v1/auth'
const verify = (accessToken: string) => timed('GET', `${AUTH}/verify-token`, { token: accessToken })

/** The requests to the origin while Redis fails, and after it works again. */
async function journey(t: Test, begin: () => Promise<void>, end: () => Promise<void>): Promise<void> {
  const [ada, eve] = [await signUp(url, mailbox), await signUp(url, mailbox)]
  await begin()

  const answer = await verify(ada.accessToken)
  t.equal(answer.status, 200, 'a live session is still verified')
  t.ok(answer.ms < 2000, `${Math.round(answer.ms)} ms`)
  const login = await timed('POST', `${AUTH}/login`, { body: { email: ada.email, password: PASSWORD } })
  t.equal(login.status, 200, 'people can sign in')
  const registered = await timed('POST', `${AUTH}/register`, {
    body: { email: newAddress(), password: PASSWORD, name: 'Ada' }
  })
  t.equal(registered.status, 202, 'and register')

  const logout = () => timed('POST', `${AUTH}/logout`, { body: { refreshToken: eve.refreshToken } })
  const refused = await logout()
  t.match({ status: refused.status, body: refused.body }, { status: 503, body: { code: 'unavailable' } })
  t.match(refused.headers.get('retry-after'), /^[1-9]\d*$/)
  t.match(
    await verify(eve.accessToken),
    { status: 401, body: { code: 'session-ended' } },
    'the session has ended all the same'
  )
  t.equal((await logout()).status, 503, 'asking again finds out that it is not told yet')
  t.equal((await timed('GET', '/health/ready')).status, 503)

  await end()
  await until('the end is told', async () => {
    const [row] = await sql`select bool_and(end_published) as told from sessions where ended_at is not null`
    return row?.told
  })
  await until('the origin is ready', async () => (await timed('GET', '/health/ready')).status === 200)
  t.equal((await logout()).status, 200)
  t.match(await verify(eve.accessToken), { status: 401, body: { code: 'session-ended' } })
  t.equal((await verify(ada.accessToken)).status, 200)
}

t.test('Redis cannot be reached', async t => {
  const { port } = gateway
  await journey(
    t,
    () => gateway.close(),
    async () => {
      gateway = await open(port)
    }
  )
})

t.test('Redis does not answer', async t => {
  await journey(
    t,
    async () => {
      isHanging = true
    },
    async () => {
      isHanging = false
    }
  )
})

t.test('another server answers in the place of Redis', async t => {
  const { port } = gateway
  const other = createServer((_request, response) => response.end('<h1>It works!</h1>'))
  await journey(
    t,
    async () => {
      await gateway.close()
      await once(other.listen(port, '127.0.0.1'), 'listening')
    },
    async () => {
      other.closeAllConnections()
      await once(other.close(), 'close')
      gateway = await open(port)
    }
  )
})

t.test('Redis has lost its memory: ended sessions stay refused, and the set is rebuilt', async t => {
  const [ada, eve] = [await signUp(url, mailbox), await signUp(url, mailbox)]
  t.equal((await timed('POST', `${AUTH}/logout`, { body: { refreshToken: eve.refreshToken } })).status, 200)
  await engine.execute(['FLUSHALL'])
  t.match(await verify(eve.accessToken), { status: 401, body: { code: 'session-ended' } })
  t.equal((await verify(ada.accessToken)).status, 200)
  await until('the set is rebuilt', async () => (await timed('GET', '/health/ready')).status === 200)
  t.match(await verify(eve.accessToken), { status: 401, body: { code: 'session-ended' } })
})
