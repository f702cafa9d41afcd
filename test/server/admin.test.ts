/**
 * Administration over HTTP: its permissions, lists and changes, and the record of each of them.
 *
 * Over 200 lines: one origin with one administrator serves every test.
 */

import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { parseCursor } from '../../server/features/admin/cursor.ts'
import { call, PASSWORD, register, type SignedUp, signUp } from '../lib/person.ts'
import { appRole } from '../lib/test-engines.ts'
import { openTestOrigin } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

const opened = await openTestOrigin(t)
const { mailbox } = opened
// The origin uses the application's own role, as in production.
const { url } = await opened.another({ DATABASE_URL: await appRole(t, opened.databaseUrl) })
const sql = postgres(opened.databaseUrl, { max: 2, onnotice: () => {} })
t.teardown(() => sql.end({ timeout: 1 }))

const API = '/api/v1'
const ADMIN = `${API}/admin`
const setRole = (id: string, role: string) => sql`update users set role = ${role} where id = ${id}`
const signIn = async (email: string) =>
  (await call(url, 'POST', `${API}/auth/login`, { body: { email, password: PASSWORD } })).body.accessToken

async function newAdmin(): Promise<SignedUp> {
  const person = await signUp(url, mailbox)
  await setRole(person.userId, 'admin')
  return { ...person, accessToken: await signIn(person.email) }
}

const root = await newAdmin()
const get = (path: string, token = root.accessToken) => call(url, 'GET', `${ADMIN}${path}`, { token })
const change = (id: string, body: object, token = root.accessToken) =>
  call(url, 'PATCH', `${ADMIN}/users/${id}`, { token, body })
const isEnded = async (token: string) =>
  (await call(url, 'GET', `${API}/auth/verify-token`, { token })).body.code === 'session-ended'
const eventsOf = async (kind: string, user: string) =>
  (await get(`/audit-events?kind=${kind}&user=${user}`)).body.events

t.test('only an administrator is admitted: by the token, and by the database as well', async t => {
  const ada = await signUp(url, mailbox)
  const paths = [
    ['GET', '/users'],
    ['GET', '/audit-events'],
    ['PATCH', `/users/${ada.userId}`],
    ['DELETE', `/users/${ada.userId}/sessions`]
  ] as const
  const refused = async (token: string | undefined, status: number, code: string, who: string) => {
    for (const [method, path] of paths) {
      const body = method === 'PATCH' ? { body: { role: 'admin' } } : {}
      const answer = await call(url, method, ADMIN + path, { ...(token ? { token } : {}), ...body })
      t.match(answer, { status, body: { code } }, `${who}: ${method} ${path}`)
    }
  }
  await refused(undefined, 401, 'token-missing', 'nobody')
  await refused(ada.accessToken, 403, 'forbidden', 'a user')
  await setRole(ada.userId, 'admin')
  await refused(ada.accessToken, 403, 'forbidden', 'an administrator whose token does not say so')
  const token = await signIn(ada.email)
  t.equal((await get('/users', token)).status, 200)
  await sql`update users set disabled_at = now() where id = ${ada.userId}`
  await refused(token, 403, 'forbidden', 'a disabled administrator')
  await sql`update users set disabled_at = null, role = 'user' where id = ${ada.userId}`
  await refused(token, 403, 'forbidden', 'an administrator no more')
  await sql`delete from users where id = ${ada.userId}`
  await refused(token, 403, 'forbidden', 'an administrator who is deleted')
})

t.test('users are listed newest first, page by page, also while others register', async t => {
  for (let i = 0; i < 3; i++) await register(url, mailbox)
  const expected = (await sql`select id from users order by created_at desc, id desc`).map(row => row.id)
  const seen: string[] = []
  let cursor = ''
  for (let page = 0; page < 100; page++) {
    const { status, body } = await get(`/users?limit=2${cursor && `&cursor=${cursor}`}`)
    t.equal(status, 200)
    t.ok(body.users.length <= 2)
    seen.push(...body.users.map(({ id }: { id: string }) => id))
    if (page === 0) await register(url, mailbox)
    cursor = body.nextCursor
    if (cursor === null) break
  }
  t.strictSame(seen, expected)
  const [user] = (await get('/users?limit=1')).body.users
  t.strictSame(Object.keys(user).sort(), ['createdAt', 'disabled', 'email', 'emailVerified', 'id', 'name', 'role'])
})

t.test('a search finds users by the beginnings of words in name and address, in upper or lower case', async t => {
  const add = async (email: string, name: string) => {
    const id = randomUUID()
    await sql`insert into users (id, email, name, password_hash, email_verified, sealed_audit_key, created_at, updated_at)
      values (${id}, ${email}, ${name}, '', true, '', now(), now())`
    return id
  }
  const grace = await add('g.hopper@navy.example.org', "Grace O'Brewster-Hopper")
  const zoe = await add('zoe@cobol.example.org', 'Зоя Ångström')
  const found = async (search: string) => {
    const { status, body } = await get(`/users?search=${encodeURIComponent(search)}`)
    t.equal(status, 200, JSON.stringify(search))
    return body.users.map(({ id }: { id: string }) => id)
  }
  for (const search of ['g.hopper@navy.example.org', 'HOPPER', 'hopp', 'grace hop', 'brewster', ' navy ', "o'brew"]) {
    t.strictSame(await found(search), [grace], search)
  }
  for (const search of ['зоя', 'ångs', 'A\u030Angstr', 'zoe cobol']) t.strictSame(await found(search), [zoe], search)
  t.strictSame((await found('example.org')).sort(), [grace, zoe].sort())
  for (const search of [
    'race',
    'hopper zoe',
    'nobody',
    "'",
    '\\',
    "x' | 'y",
    '!:*&',
    '\u0000',
    '💥',
    '%',
    '_',
    'g:*'
  ]) {
    t.strictSame(await found(search), search === 'g:*' ? [grace] : [], JSON.stringify(search))
  }
  t.ok((await found(' ')).length > 2, 'only blanks: every user')
})

t.test('a malformed query is refused, and the answer names the member', async t => {
  const table: readonly [string, string][] = [
    ['/users?limit=0', '/limit'],
    ['/users?limit=101', '/limit'],
    ['/users?limit=1e1', '/limit'],
    ['/users?limit=1&limit=2', '/limit'],
    ['/users?cursor=garbage', '/cursor'],
    ['/users?cursor=', '/cursor'],
    [`/users?cursor=${Buffer.from('1.not-an-id').toString('base64url')}`, '/cursor'],
    [`/users?search=${'x'.repeat(255)}`, '/search'],
    ['/users?role=admin', '/role'],
    ['/audit-events?kind=anything', '/kind'],
    ['/audit-events?cursor=garbage', '/cursor'],
    ['/audit-events?limit=-1', '/limit']
  ]
  for (const [path, pointer] of table) {
    const answer = await get(path)
    t.match(answer, { status: 422, body: { code: 'invalid-request', errors: [{ pointer }] } }, path)
  }
  for (const body of [{}, { role: 'root' }, { disabled: 'true' }, { role: 'user', email: 'a@b.example' }, [], null]) {
    t.match(await change(root.userId, body as object), { status: 422 }, JSON.stringify(body))
  }
})

t.test('parseCursor() accepts only cursors of formatCursor()', async t => {
  for (const text of [
    '1.x',
    '',
    '.',
    `1.${randomUUID()} `,
    `01.${randomUUID()}`,
    `-1.${randomUUID()}`,
    `1e3.${randomUUID()}`
  ]) {
    t.equal(parseCursor(Buffer.from(text).toString('base64url')), undefined, text)
  }
  t.match(parseCursor(Buffer.from(`1.${randomUUID()}`).toString('base64url')), { at: new Date(1) })
})

t.test('a disabled user loses every session at once and cannot sign in; an enabled one can again', async t => {
  const ada = await signUp(url, mailbox)
  const other = await signIn(ada.email)
  const disabled = await change(ada.userId, { disabled: true })
  t.match(disabled, { status: 200, body: { id: ada.userId, email: ada.email, disabled: true, role: 'user' } })
  t.ok((await isEnded(ada.accessToken)) && (await isEnded(other)))
  const refresh = await call(url, 'POST', `${API}/auth/refresh`, { body: { refreshToken: ada.refreshToken } })
  t.equal(refresh.body.code, 'refresh-invalid')
  const login = { body: { email: ada.email, password: PASSWORD } }
  t.equal((await call(url, 'POST', `${API}/auth/login`, login)).body.code, 'invalid-credentials')
  t.equal((await change(ada.userId, { disabled: true })).status, 200, 'a second time it succeeds, too')

  t.match(await change(ada.userId, { disabled: false }), { status: 200, body: { disabled: false } })
  t.equal((await call(url, 'POST', `${API}/auth/login`, login)).status, 200)
  const [event, ...more] = await eventsOf('account-disabled', ada.userId)
  t.match(event, { actorId: root.userId, userId: ada.userId, outcome: 'success', details: { sessions: '2' } })
  t.strictSame(more, [], 'recorded once')
  t.equal((await eventsOf('account-enabled', ada.userId)).length, 1)
})

t.test(
  'a new administrator has the role from the next refresh; a demoted one loses it at once, everywhere',
  async t => {
    const ada = await signUp(url, mailbox)
    t.match(await change(ada.userId, { role: 'admin' }), { status: 200, body: { role: 'admin' } })
    t.notOk(await isEnded(ada.accessToken), 'a promotion ends no session')
    t.equal((await get('/users', ada.accessToken)).status, 403)
    const refreshed = await call(url, 'POST', `${API}/auth/refresh`, { body: { refreshToken: ada.refreshToken } })
    t.equal((await get('/users', refreshed.body.accessToken)).status, 200)

    t.match(await change(ada.userId, { role: 'user' }), { status: 200, body: { role: 'user' } })
    t.match(await get('/users', refreshed.body.accessToken), { status: 401, body: { code: 'session-ended' } })
    const events = await eventsOf('role-changed', ada.userId)
    t.match(events, [
      { actorId: root.userId, details: { role: 'user', sessions: '1' } },
      { actorId: root.userId, details: { role: 'admin', sessions: '0' } }
    ])
  }
)

t.test('the last administrator is neither demoted nor disabled, not even by two at once', async t => {
  await sql`update users set role = 'user' where id <> ${root.userId}`
  for (const body of [{ role: 'user' }, { disabled: true }, { role: 'user', disabled: true }]) {
    const answer = await change(root.userId, body)
    t.match(answer, { status: 403, body: { code: 'forbidden', detail: /last administrator/ } }, JSON.stringify(body))
  }
  t.equal(
    (await change(root.userId, { role: 'admin', disabled: false })).status,
    200,
    'a request without a change succeeds'
  )

  const [one, other] = [await newAdmin(), await newAdmin()]
  await setRole(root.userId, 'user')
  await Promise.all([
    change(other.userId, { role: 'user' }, one.accessToken),
    change(one.userId, { role: 'user' }, other.accessToken)
  ])
  const admins = await sql`select id from users where role = 'admin'`
  t.equal(admins.length, 1, 'one of two who demote each other is left')
  await setRole(root.userId, 'admin')
})

t.test('all sessions of a user can be ended; an unknown id is not found', async t => {
  const ada = await signUp(url, mailbox)
  const end = (id: string) => call(url, 'DELETE', `${ADMIN}/users/${id}/sessions`, { token: root.accessToken })
  t.equal((await end(ada.userId)).status, 204)
  t.ok(await isEnded(ada.accessToken))
  t.equal((await end(ada.userId)).status, 204, 'twice')
  t.match(await eventsOf('sessions-ended-by-admin', ada.userId), [
    { actorId: root.userId, details: { sessions: '0' } },
    { actorId: root.userId, details: { sessions: '1' } }
  ])
  for (const id of [randomUUID(), 'no-id', `${ada.userId}0`, '%00', "'"]) {
    t.match(await end(encodeURIComponent(id)), { status: 404, body: { code: 'not-found' } }, id)
    t.match(await change(encodeURIComponent(id), { disabled: true }), { status: 404, body: { code: 'not-found' } }, id)
  }
})

t.test('the audit log is read newest first, by user and by kind, with personal data', async t => {
  const ada = await signUp(url, mailbox)
  await signIn(ada.email)
  const { body } = await get(`/audit-events?user=${ada.userId}`)
  const kinds = body.events.map(({ kind }: { kind: string }) => kind)
  t.ok(kinds.includes('login-succeeded') && kinds.includes('email-verified'), kinds.join())
  const times = body.events.map(({ at }: { at: string }) => at)
  t.strictSame(times, [...times].sort().reverse())
  t.match(body.events[0], {
    userId: ada.userId,
    actorId: null,
    ipAddress: /^[0-9a-f.:]+$/,
    userAgent: 'node',
    details: {}
  })
  const logins = await eventsOf('login-succeeded', ada.userId)
  t.equal(logins.length, 2)

  const paged: object[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await get(`/audit-events?user=${ada.userId}&limit=1${cursor && `&cursor=${cursor}`}`)
    paged.push(...page.body.events)
    cursor = page.body.nextCursor
  }
  t.strictSame(paged, body.events, 'page by page the same')
  t.strictSame((await get('/audit-events?user=no-id')).body, { events: [], nextCursor: null })
})

t.test('the personal data of an event is deleted with the user; the event stays', async t => {
  const ada = await signUp(url, mailbox)
  await sql`delete from users where id = ${ada.userId}`
  const { body } = await get(`/audit-events?user=${ada.userId}&kind=login-succeeded`)
  t.match(body.events, [{ userId: ada.userId, outcome: 'success', ipAddress: null, userAgent: null, details: null }])
})

t.test('an altered event loses its own personal data and hides no other event', async t => {
  const ada = await signUp(url, mailbox)
  await signIn(ada.email)
  await sql.begin(async sql => {
    await sql`set local session_replication_role = replica`
    await sql`update audit_events set sealed_personal = ${Buffer.alloc(40)}
      where id = (select id from audit_events where user_id = ${ada.userId} order by id desc limit 1)`
  })
  const events = (await get(`/audit-events?user=${ada.userId}`)).body.events
  t.equal(events[0].ipAddress, null)
  t.type(events[1].ipAddress, 'string')
})

t.test('reading is recorded, too: each list of users and of events, with its actor and its filters', async t => {
  await get('/users?search=somebody')
  await get(`/audit-events?kind=new-device&user=${root.userId}`)
  const [listed] = await eventsOf('users-listed', root.userId)
  t.match(listed, { actorId: root.userId, userId: root.userId, details: { search: 'somebody' } })
  const events = await eventsOf('audit-read', root.userId)
  t.ok(events.some(({ details }: { details: object }) => JSON.stringify(details).includes('new-device')))
})

t.test('an origin links its events by itself, soon after they were written', async t => {
  await until('every event has its link', async () => {
    const [row] = await sql`select count(*)::int as open from audit_events e
      where not exists (select 1 from audit_chain c where c.event_id = e.id)`
    return row?.open === 0
  })
  const [row] = await sql`select count(*)::int as links from audit_chain`
  t.ok(row?.links > 20)
})
