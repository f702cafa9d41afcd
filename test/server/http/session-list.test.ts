/** The sessions of a user: listed with device names, ended one by one or all at once, never more than fifty. */

import t from 'tap'
import { call, newAddress, PASSWORD, register, signUp } from '../../lib/person.ts'
import { until } from '../../lib/until.ts'
import { openSubject } from './subject.ts'

const AUTH = '/api/v1/auth'
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

const { url, mailbox, sql, origin, databaseUrl, another } = await openSubject(t)

const login = (email: string, userAgent = 'curl/8.5.0', base = url) =>
  call(base, 'POST', `${AUTH}/login`, { body: { email, password: PASSWORD }, headers: { 'user-agent': userAgent } })

t.test('GET sessions lists the live ones in words, newest use first, and says which is the current one', async t => {
  const email = await register(url, mailbox)
  const first = await login(email, FIREFOX)
  const second = await login(email, 'curl/8.5.0')
  const ended = await login(email)
  await call(url, 'POST', `${AUTH}/logout`, { body: { refreshToken: ended.body.refreshToken } })

  const { status, body } = await call(url, 'GET', `${AUTH}/sessions`, { token: second.body.accessToken })
  t.equal(status, 200)
  t.match(body.sessions, [
    { current: true, device: 'curl/8.5.0', ipAddress: '127.0.0.1' },
    { current: false, device: 'Firefox on Linux', ipAddress: '127.0.0.1' }
  ])
  t.equal(body.sessions.length, 2, 'the ended one is gone')
  const [session] = body.sessions
  t.strictSame(Object.keys(session).sort(), [
    'createdAt',
    'current',
    'device',
    'expiresAt',
    'id',
    'ipAddress',
    'lastUsedAt'
  ])

  await call(url, 'POST', `${AUTH}/refresh`, { body: { refreshToken: first.body.refreshToken } })
  const after = await call(url, 'GET', `${AUTH}/sessions`, { token: second.body.accessToken })
  t.equal(after.body.sessions[0].device, 'Firefox on Linux', 'a refresh is a use')
})

t.test('DELETE sessions/{id} ends one of my sessions, and its tokens with it', async t => {
  const email = await register(url, mailbox)
  const here = (await login(email)).body
  const there = (await login(email)).body
  const { body } = await call(url, 'GET', `${AUTH}/sessions`, { token: there.accessToken })
  const { id } = body.sessions.find((session: { current: boolean }) => session.current)

  t.equal((await call(url, 'DELETE', `${AUTH}/sessions/${id}`, { token: here.accessToken })).status, 204)
  t.equal((await call(url, 'GET', `${AUTH}/verify-token`, { token: there.accessToken })).body.code, 'session-ended')
  const refresh = await call(url, 'POST', `${AUTH}/refresh`, { body: { refreshToken: there.refreshToken } })
  t.equal(refresh.body.code, 'refresh-invalid')
  t.equal((await call(url, 'GET', `${AUTH}/verify-token`, { token: here.accessToken })).status, 200, 'mine lives on')
  t.equal(
    (await call(url, 'DELETE', `${AUTH}/sessions/${id}`, { token: here.accessToken })).body.code,
    'not-found',
    'once'
  )
})

t.test("DELETE sessions/{id} answers for another user's session as for an unknown one", async t => {
  const mine = await signUp(url, mailbox)
  const theirs = await signUp(url, mailbox)
  const { body } = await call(url, 'GET', `${AUTH}/sessions`, { token: theirs.accessToken })
  const unknown = '01a1fc90-5540-7581-a8d9-be172b2131fe'
  for (const id of [body.sessions[0].id, unknown, 'nonsense', '__proto__', '%00', 'a'.repeat(64)]) {
    const answer = await call(url, 'DELETE', `${AUTH}/sessions/${id}`, { token: mine.accessToken })
    t.match(answer, { status: 404, body: { code: 'not-found' } }, `id "${id}"`)
  }
  t.equal(
    (await call(url, 'GET', `${AUTH}/verify-token`, { token: theirs.accessToken })).status,
    200,
    'theirs lives on'
  )
})

t.test('DELETE sessions/all logs out every device, this one too, on every origin', async t => {
  const other = await another()
  const email = await register(url, mailbox)
  const sessions = [await login(email), await login(email), await login(email, FIREFOX, other.url)].map(one => one.body)
  const ended = await call(url, 'DELETE', `${AUTH}/sessions/all`, { token: sessions[0].accessToken })
  t.equal(ended.status, 204)
  t.match(ended.headers.get('set-cookie'), /^__Host-refresh=; Max-Age=0;/, 'the cookie goes too')
  for (const base of [url, other.url]) {
    for (const { accessToken, refreshToken } of sessions) {
      t.equal((await call(base, 'GET', `${AUTH}/verify-token`, { token: accessToken })).body.code, 'session-ended')
      t.equal((await call(base, 'POST', `${AUTH}/refresh`, { body: { refreshToken } })).body.code, 'refresh-invalid')
    }
  }
})

t.test('a user has at most fifty sessions: the oldest ends first, under any parallelism', async t => {
  const email = await register(url, mailbox)
  const oldest = await login(email)
  const logins = await Promise.all(Array.from({ length: 53 }, () => login(email)))
  t.ok(logins.every(one => one.status === 200))
  const last = await login(email)
  const { body } = await call(url, 'GET', `${AUTH}/sessions`, { token: last.body.accessToken })
  t.equal(body.sessions.length, 50)
  const refused = await call(url, 'GET', `${AUTH}/verify-token`, { token: oldest.body.accessToken })
  t.equal(refused.body.code, 'session-ended', 'the oldest one')
})

t.test('a user is notified of a sign-in from a new device, but not of the first sign-in ever', async t => {
  const email = await register(url, mailbox)
  const first = await login(email)
  const mark = /__Host-device=([^;]+)/.exec(first.headers.get('set-cookie') ?? '')?.[1]
  t.ok(mark, 'the device gets a mark')
  const known = { cookie: `__Host-device=${mark}` }
  await call(url, 'POST', `${AUTH}/login`, { body: { email, password: PASSWORD }, headers: known })
  await login(email, FIREFOX)
  const mails = await until('the mail arrives', () => {
    const found = mailbox.messages(email).filter(mail => mail.subject === 'A new device has signed in')
    return found.length > 0 && found
  })
  t.equal(mails.length, 1, 'one mail, for the device without a mark')
  t.match(mails[0]?.text, /Firefox on Linux/)
})

t.test('a device that keeps no cookies causes one notice in thirty days', async t => {
  const email = await register(url, mailbox)
  const notices = async () => {
    const rows = await sql`select id from outbox where kind = 'new-device' and recipient = ${email}`
    return rows.length
  }
  await login(email)
  await login(email)
  t.equal(await notices(), 0, 'the first device is not new')
  for (let i = 0; i < 3; i++) await login(email, FIREFOX)
  t.equal(await notices(), 1, 'another one is new once')
  await sql`update known_devices set noted_at = noted_at - interval '30 days 1 second'
    where user_id = (select id from users where email = ${email})`
  await login(email, FIREFOX)
  t.equal(await notices(), 2, 'and again after thirty days')
})

t.test('a login costs at most three round trips to the database, a refresh one', async t => {
  const { countRoundTrips } = await import('../../lib/round-trips.ts')
  const proxy = await countRoundTrips(t, databaseUrl)
  const { url: counted } = await another({ DATABASE_URL: proxy.url })
  const email = await register(counted, mailbox, newAddress())
  let refreshToken = (await login(email, 'curl/8.5.0', counted)).body.refreshToken

  // Jobs of the origin use the same pool now and then: the least of some tries is the request alone.
  const least = async (work: () => Promise<unknown>) => {
    const costs: number[] = []
    for (let i = 0; i < 12; i++) {
      const before = proxy.count()
      await work()
      costs.push(proxy.count() - before)
    }
    return Math.min(...costs)
  }
  const loginCost = await least(() => login(email, 'curl/8.5.0', counted))
  t.ok(loginCost >= 1 && loginCost <= 3, `a login costs ${loginCost}`)
  const refreshCost = await least(async () => {
    const answer = await call(counted, 'POST', `${AUTH}/refresh`, { body: { refreshToken } })
    refreshToken = answer.body.refreshToken
  })
  t.equal(refreshCost, 1)
  t.ok(origin, 'beside another origin that is not counted')
})
