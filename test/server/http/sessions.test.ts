/**
 * Login, access tokens, logout and the profile, over HTTP; refreshing has a file of its own.
 *
 * Over 200 lines: one origin serves the life of a session, from login to logout.
 */

import t from 'tap'
import { call, mailedToken, PASSWORD, register, signUp } from '../../lib/person.ts'
import { until } from '../../lib/until.ts'
import { openSubject } from './subject.ts'

const { url, mailbox, sql, origin } = await openSubject(t)
const AUTH = '/api/v1/auth'
const login = (email: string, more: object = {}, headers: Record<string, string> = {}) =>
  call(url, 'POST', `${AUTH}/login`, { body: { email, password: PASSWORD, ...more }, headers })
const verifyToken = (token: string) => call(url, 'GET', `${AUTH}/verify-token`, { token })
const logout = (options: Parameters<typeof call>[3]) => call(url, 'POST', `${AUTH}/logout`, options)
const isEnded = async (token: string) => (await verifyToken(token)).body.code === 'session-ended'
/** The pair and the attributes of one cookie that an answer sets. */
const cookieParts = (headers: Headers, name = '__Host-refresh') =>
  (headers.getSetCookie().find(cookie => cookie.startsWith(`${name}=`)) ?? '').split('; ')

/** The same token, genuinely signed, as it would be an hour later. */
function expired(accessToken: string): string {
  const [header, claims] = accessToken.split('.', 2).map(part => JSON.parse(Buffer.from(part, 'base64url').toString()))
  const earlier = { ...claims, iat: claims.iat - 3600, exp: claims.exp - 3600 }
  return origin.app.jwt.sign(earlier, { algorithm: 'ES256', kid: header.kid, header })
}

t.test('login gives the user, an access token, and the refresh token in a cookie and in the body', async t => {
  const email = await register(url, mailbox)
  const { status, body, headers } = await login(email)
  t.equal(status, 200)
  t.match(body, {
    user: { email, name: 'Ada', role: 'user', emailVerified: true },
    tokenType: 'Bearer',
    expiresIn: 900
  })
  t.strictSame(Object.keys(body.user).sort(), ['createdAt', 'email', 'emailVerified', 'id', 'name', 'role'])
  t.equal(cookieParts(headers)[0], `__Host-refresh=${body.refreshToken}`)
  t.equal(headers.get('cache-control'), 'no-store')
})

t.test('an address is the same address however it is spelled', async t => {
  const email = await register(url, mailbox)
  t.equal((await login(` ${email.toUpperCase()} `)).status, 200)
})

t.test('the cookie has exactly the attributes it must have, and Max-Age only with remember me', async t => {
  const email = await register(url, mailbox)
  const attributes = async (more: object) =>
    cookieParts((await login(email, more)).headers)
      .slice(1)
      .sort()
  t.strictSame(await attributes({}), ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure'])
  t.strictSame(await attributes({ rememberMe: false }), ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure'])
  const [httpOnly, maxAge = '', ...rest] = await attributes({ rememberMe: true })
  t.strictSame([httpOnly, ...rest], ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure'])
  const seconds = Number(/^Max-Age=(\d+)$/.exec(maxAge)?.[1])
  t.ok(seconds <= 2_592_000 && seconds > 2_592_000 - 60, maxAge)
})

t.test('the mark of a device is a cookie of its own, for a year, and no script can read it', async t => {
  const [pair, ...attributes] = cookieParts((await login(await register(url, mailbox))).headers, '__Host-device')
  t.match(pair, /^__Host-device=[A-Za-z0-9_-]{20,}$/)
  t.strictSame(attributes.sort(), ['HttpOnly', 'Max-Age=31536000', 'Path=/', 'SameSite=Strict', 'Secure'])
})

t.test('a browser gets the refresh token as a cookie only', async t => {
  const email = await register(url, mailbox)
  const browsers = [{ origin: 'http://gatehouse.test' }, { 'sec-fetch-site': 'same-origin' }]
  for (const headers of browsers) {
    const answer = await login(email, {}, headers)
    t.equal(answer.status, 200)
    t.notOk('refreshToken' in answer.body, JSON.stringify(headers))
    const [pair = ''] = cookieParts(answer.headers)
    const refreshed = await call(url, 'POST', `${AUTH}/refresh`, { headers: { ...headers, cookie: pair } })
    t.equal(refreshed.status, 200)
    t.notOk('refreshToken' in refreshed.body)
    t.ok(cookieParts(refreshed.headers).includes('HttpOnly'), 'the cookie is set again')
  }
})

t.test('unknown address, wrong password and disabled account are the same bytes', async t => {
  const wrong = await register(url, mailbox)
  const disabled = await register(url, mailbox)
  await sql`update users set disabled_at = now() where email = ${disabled}`
  const answers = [
    await login('nobody-at-all@example.com'),
    await login(wrong, { password: 'Wrong-horse-7' }),
    await login(disabled)
  ]
  const seen = answers.map(({ status, headers, body: { requestId, ...body } }) => ({
    status,
    body,
    headers: [...headers.keys()],
    cookie: headers.get('set-cookie')
  }))
  t.equal(seen[0]?.status, 401)
  t.strictSame(seen[1], seen[0])
  t.strictSame(seen[2], seen[0])
})

t.test('login ends the session that was presented with it', async t => {
  const ada = await signUp(url, mailbox)
  const again = await login(ada.email, {}, { cookie: `__Host-refresh=${ada.refreshToken}` })
  t.equal(again.status, 200)
  t.ok(await isEnded(ada.accessToken))
  t.equal((await verifyToken(again.body.accessToken)).status, 200)
})

t.test('login does not end a session for a garbled cookie, nor for a failed login', async t => {
  const ada = await signUp(url, mailbox)
  await login(ada.email, {}, { cookie: '__Host-refresh=garbage' })
  await login(ada.email, { password: 'Wrong-horse-7' }, { cookie: `__Host-refresh=${ada.refreshToken}` })
  t.equal((await verifyToken(ada.accessToken)).status, 200)
})

t.test('verify-token returns the claims of a valid access token', async t => {
  const ada = await signUp(url, mailbox)
  const { status, body } = await verifyToken(ada.accessToken)
  t.equal(status, 200)
  t.match(body, {
    active: true,
    claims: {
      iss: 'http://gatehouse.test',
      aud: 'http://gatehouse.test',
      sub: ada.userId,
      email: ada.email,
      email_verified: true,
      role: 'user',
      name: 'Ada'
    }
  })
  t.equal(body.claims.exp - body.claims.iat, 900)
  t.ok(ada.accessToken.length < 1024)
})

t.test('a bad access token is refused for what it is, with a challenge', async t => {
  const ada = await signUp(url, mailbox)
  const [head, payload, signature = ''] = ada.accessToken.split('.')
  const table: readonly [string | undefined, string, string][] = [
    [undefined, 'token-missing', 'Bearer'],
    ['', 'token-missing', 'Bearer'],
    ['Basic YTpi', 'token-invalid', 'Bearer error="invalid_token"'],
    ['Bearer', 'token-invalid', 'Bearer error="invalid_token"'],
    ['Bearer x', 'token-invalid', 'Bearer error="invalid_token"'],
    [`Bearer ${head}.${payload}.${signature.slice(1)}A`, 'token-invalid', 'Bearer error="invalid_token"'],
    [`Bearer ${'x'.repeat(8000)}`, 'token-invalid', 'Bearer error="invalid_token"'],
    [`Bearer ${expired(ada.accessToken)}`, 'token-expired', 'Bearer error="invalid_token"']
  ]
  for (const [authorization, code, challenge] of table) {
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await call(url, 'GET', `${AUTH}/verify-token`, { headers })
    t.match(answer, { status: 401, body: { code } }, String(authorization).slice(0, 40))
    t.equal(answer.headers.get('www-authenticate'), challenge)
  }
})

t.test('logout ends the session and clears the cookie, and does so twice', async t => {
  const ada = await signUp(url, mailbox)
  for (const time of ['once', 'twice']) {
    const { status, body, headers } = await logout({ body: { refreshToken: ada.refreshToken } })
    t.equal(status, 200, time)
    t.strictSame(body, { message: 'Logged out successfully' })
    t.match(headers.get('set-cookie'), /^__Host-refresh=; Max-Age=0; Path=\/; HttpOnly; Secure; SameSite=Strict$/)
  }
  t.ok(await isEnded(ada.accessToken))
  const refreshed = await call(url, 'POST', `${AUTH}/refresh`, { body: { refreshToken: ada.refreshToken } })
  t.match(refreshed, { status: 401, body: { code: 'refresh-invalid' } })
})

t.test('logout takes the cookie, the access token alone, and even an expired one', async t => {
  const byCookie = await signUp(url, mailbox)
  await logout({ headers: { cookie: `__Host-refresh=${byCookie.refreshToken}` } })
  t.ok(await isEnded(byCookie.accessToken), 'cookie')

  const byAccess = await signUp(url, mailbox)
  t.equal((await logout({ token: byAccess.accessToken })).status, 200)
  t.ok(await isEnded(byAccess.accessToken), 'access token')

  const byExpired = await signUp(url, mailbox)
  t.equal((await logout({ token: expired(byExpired.accessToken) })).status, 200)
  t.ok(await isEnded(byExpired.accessToken), 'expired access token')
})

t.test('a logout that ends nothing does not answer 200, unless nothing was presented', async t => {
  const ada = await signUp(url, mailbox)
  const [head, payload] = ada.accessToken.split('.')
  t.equal((await logout({})).status, 200)
  const garbled = await logout({ body: { refreshToken: 'garbage' } })
  t.match(garbled, { status: 401, body: { code: 'refresh-invalid' } })
  const byCookie = await logout({ headers: { cookie: '__Host-refresh=garbage' } })
  t.match(byCookie, { status: 401, body: { code: 'refresh-invalid' } })
  t.match(byCookie.headers.get('set-cookie'), /^__Host-refresh=; Max-Age=0/, 'an invalid cookie is deleted')
  const forged = await logout({ token: `${head}.${payload}.${'A'.repeat(86)}` })
  t.match(forged, { status: 401, body: { code: 'token-invalid' } })
  t.equal((await verifyToken(ada.accessToken)).status, 200)
})

t.test('logout ends every session that one of its credentials proves', async t => {
  const threeUsers = () => Promise.all([signUp(url, mailbox), signUp(url, mailbox), signUp(url, mailbox)])
  const [inBody, inCookie, byToken] = await threeUsers()
  const all = await logout({
    body: { refreshToken: inBody.refreshToken },
    headers: { cookie: `__Host-refresh=${inCookie.refreshToken}` },
    token: byToken.accessToken
  })
  t.equal(all.status, 200)
  for (const one of [inBody, inCookie, byToken]) t.ok(await isEnded(one.accessToken))

  const [good, dead, other] = await threeUsers()
  await logout({ body: { refreshToken: dead.refreshToken } })
  const cookie = `__Host-refresh=${good.refreshToken}`
  t.equal((await logout({ body: { refreshToken: 'garbage' }, headers: { cookie } })).status, 200)
  t.ok(await isEnded(good.accessToken), 'an invalid token in the body hides no cookie')
  t.equal((await logout({ body: { refreshToken: dead.refreshToken }, token: other.accessToken })).status, 200)
  t.ok(await isEnded(other.accessToken), 'nor a dead one an access token')
})

t.test('the cookie of a session that lives on is not cleared', async t => {
  const [ada, eve] = [await signUp(url, mailbox), await signUp(url, mailbox)]
  const headers = { cookie: `__Host-refresh=${eve.refreshToken}` }
  const all = await call(url, 'DELETE', `${AUTH}/sessions/all`, { token: ada.accessToken, headers })
  t.equal(all.status, 204)
  t.equal(all.headers.get('set-cookie'), null)
  const bob = await signUp(url, mailbox)
  const gone = await call(url, 'DELETE', '/api/v1/users/me', {
    token: bob.accessToken,
    headers,
    body: { password: PASSWORD }
  })
  t.equal(gone.status, 204)
  t.equal(gone.headers.get('set-cookie'), null)
  t.equal((await call(url, 'POST', `${AUTH}/refresh`, { headers })).status, 200)
})

t.test('a refresh cookie has one spelling', async t => {
  const ada = await signUp(url, mailbox)
  const { refreshToken: token } = ada
  const encoded = `%${token.charCodeAt(0).toString(16)}${token.slice(1)}`
  for (const value of [encoded, `"${token}"`, `${token} `, `\u00a0${token}`, `${token}\u00a0`, `${token}=`]) {
    const headers = { cookie: `a=b; __Host-refresh=${value}; c=d` }
    const { status, body } = await call(url, 'POST', `${AUTH}/refresh`, { headers })
    t.match({ status, body }, { status: 401, body: { code: 'refresh-invalid' } }, JSON.stringify(value.slice(0, 6)))
  }
  const headers = { cookie: `a=b;  __Host-refresh=${token};c=d` }
  t.equal((await call(url, 'POST', `${AUTH}/refresh`, { headers })).status, 200)
})

t.test('a client without cookies keeps its device mark in the body', async t => {
  const email = await register(url, mailbox)
  const first = await login(email)
  t.type(first.body.deviceMark, 'string')
  const body = { email, password: PASSWORD, deviceMark: first.body.deviceMark }
  const headers = { 'user-agent': 'another-device/1' }
  const second = await call(url, 'POST', `${AUTH}/login`, { body, headers })
  t.equal(second.status, 200)
  const browser = await call(url, 'POST', `${AUTH}/login`, { body, headers: { 'sec-fetch-site': 'same-origin' } })
  t.notOk('deviceMark' in browser.body, 'a browser finds it in a cookie only')
  t.match(browser.headers.get('set-cookie'), /__Host-device=/)
  const notices = await sql`select id from outbox where kind = 'new-device' and recipient = ${email}`
  t.equal(notices.length, 0, 'a device that shows its mark is not new')
  const other = { 'user-agent': 'a-third-device/1', cookie: `__Host-device=${first.body.deviceMark}` }
  const garbled = { ...body, deviceMark: 'garbage' }
  t.equal((await call(url, 'POST', `${AUTH}/login`, { body: garbled, headers: other })).status, 200)
  const still = await sql`select id from outbox where kind = 'new-device' and recipient = ${email}`
  t.equal(still.length, 0, 'and a garbled one hides no good one')
})

t.test('logout ends one session and no other of the same user', async t => {
  const ada = await signUp(url, mailbox)
  const other = await login(ada.email)
  await logout({ body: { refreshToken: ada.refreshToken } })
  t.ok(await isEnded(ada.accessToken))
  t.equal((await verifyToken(other.body.accessToken)).status, 200)
})

t.test('different refresh cookies in one request are refused and stay, whichever is genuine', async t => {
  const ada = await signUp(url, mailbox)
  const cookie = `__Host-refresh=${ada.refreshToken}; __Host-refresh=planted`
  for (const path of ['refresh', 'logout']) {
    const answer = await call(url, 'POST', `${AUTH}/${path}`, { headers: { cookie } })
    t.match(answer, { status: 401, body: { code: 'refresh-invalid' } })
    t.equal(answer.headers.get('set-cookie'), null)
  }
  const twice = `__Host-refresh=${ada.refreshToken}; __Host-refresh=${ada.refreshToken}`
  t.equal(
    (await call(url, 'POST', `${AUTH}/refresh`, { headers: { cookie: twice } })).status,
    200,
    'the same one twice'
  )
  t.equal((await verifyToken(ada.accessToken)).status, 200)
})

t.test('a profile shows its owner, and its name can be changed', async t => {
  const ada = await signUp(url, mailbox)
  const me = '/api/v1/users/me'
  const before = await call(url, 'GET', me, { token: ada.accessToken })
  t.match(before, { status: 200, body: { id: ada.userId, email: ada.email, name: 'Ada' } })
  const changed = await call(url, 'PATCH', me, { token: ada.accessToken, body: { name: ' Ada Lovelace ' } })
  t.match(changed, { status: 200, body: { name: 'Ada Lovelace' } })
  t.strictSame((await call(url, 'GET', me, { token: ada.accessToken })).body, changed.body)
  for (const body of [{}, { name: '' }, { name: 'A\u0000' }, { name: 1 }, { name: 'Ada', role: 'admin' }]) {
    const { status } = await call(url, 'PATCH', me, { token: ada.accessToken, body })
    t.ok(status === 422 || status === 400, `${JSON.stringify(body)}: ${status}`)
  }
  t.match(await call(url, 'PATCH', me, { body: { name: 'Eve' } }), { status: 401, body: { code: 'token-missing' } })
})

t.test('a hash that is weaker than today is upgraded at the next login', async t => {
  const email = await register(url, mailbox)
  const { default: bcrypt } = await import('bcrypt')
  await sql`update users set password_hash = ${await bcrypt.hash(PASSWORD, 4)} where email = ${email}`
  t.equal((await login(email)).status, 200)
  const [row] = await sql`select password_hash from users where email = ${email}`
  t.match(row?.password_hash, /^gh1:[0-9a-f]{8}:\$2b\$04\$/)
  t.equal((await login(email)).status, 200)
})

t.test('a login begins no session if the password is changed at the same time', async t => {
  const email = await register(url, mailbox)
  const before = await sql`select count(*)::int as n from sessions`
  let answer: ReturnType<typeof login> | undefined
  await sql.begin(async change => {
    await change`update users set password_hash = '$2b$04$abcdefghijklmnopqrstuuAoiSkN0jAAGFlMmeUSuFVYjc9bWkfQa' where email = ${email}`
    answer = login(email)
    // The password was checked against the old hash; the session waits for this change to be over.
    await until('the login waits for the change', async () => {
      const [row] =
        await sql`select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%insert into sessions%'`
      return row?.n === 1
    })
  })
  t.match(await answer, { status: 401, body: { code: 'invalid-credentials' } })
  t.strictSame(await sql`select count(*)::int as n from sessions`, before)
})

t.test('an access token stays under a kibibyte, even with the longest name and address', async t => {
  const local = 'a'.repeat(64)
  const email = `${local}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(50)}.example`
  const name = '𝒜'.repeat(100)
  await call(url, 'POST', `${AUTH}/register`, { body: { email, password: PASSWORD, name } })
  await call(url, 'POST', `${AUTH}/verify-email/${await mailedToken(mailbox, email)}`)
  const { body } = await login(email)
  t.equal(body.user.name, name, 'the profile has the whole name')
  t.ok(body.accessToken.length < 1024, `${body.accessToken.length} characters`)
  const verified = await verifyToken(body.accessToken)
  t.match(verified.body.claims, { email, name: /^𝒜+…$/u })
})
