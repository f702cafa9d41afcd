/** From registration to a verified address, over HTTP. No client learns which address is known; a link works once. */

import t from 'tap'
import { call, mailedToken, newAddress, PASSWORD, register } from '../../lib/person.ts'
import { until } from '../../lib/until.ts'
import { openSubject } from './subject.ts'

const subject = await openSubject(t)
const { url, mailbox, sql } = subject
const REGISTER = '/api/v1/auth/register'
const verifyPath = (token: string) => `/api/v1/auth/verify-email/${token}`
const registerAs = (email: string, password = PASSWORD, base = url) =>
  call(base, 'POST', REGISTER, { body: { email, password, name: 'Ada' } })
const login = (email: string, password = PASSWORD, base = url) =>
  call(base, 'POST', '/api/v1/auth/login', { body: { email, password } })
const verify = (token: string) => call(url, 'POST', verifyPath(token))

/** The tokens emailed to an address, newest first, once there are `count`. */
const mailedTokens = (email: string, count: number) =>
  until(`${count} links are emailed to ${email}`, () => {
    const links = mailbox.messages(email).flatMap(message => message.links)
    const tokens = links.flatMap(link => link.split('#token=')[1] ?? [])
    return tokens.length === count ? tokens : undefined
  })

t.test('a known address is answered like an unknown one, byte for byte', async t => {
  const known = await register(url, mailbox)
  const [forKnown, forUnknown] = [await registerAs(known), await registerAs(newAddress())]
  t.equal(forKnown.status, 202)
  t.strictSame({ status: forKnown.status, body: forKnown.body }, { status: forUnknown.status, body: forUnknown.body })
  t.strictSame([...forKnown.headers.keys()], [...forUnknown.headers.keys()])
})

t.test(
  'the owner of a known address is notified and gets no link, and nothing shows that the address is known',
  async t => {
    const email = await register(url, mailbox)
    await registerAs(email.toUpperCase(), 'Another-horse-8')
    const [note] = await until('the owner is notified', () => {
      const messages = mailbox.messages(email)
      return messages.length === 2 ? messages : undefined
    })
    t.match(note, { subject: 'You already have an account', links: [] })
    const free = newAddress()
    await registerAs(free, 'Another-horse-8')
    for (const address of [email, free]) {
      t.match(
        await login(address, 'Another-horse-8'),
        { status: 403, body: { code: 'email-unverified' } },
        'own registration'
      )
      t.match(
        await login(address, 'Guessed-horse-9'),
        { status: 401, body: { code: 'invalid-credentials' } },
        'a guess'
      )
    }
    t.equal((await login(email)).status, 200, 'and the password is what it was')
  }
)

t.test('opening a link consumes nothing; posting its token does, once', async t => {
  const email = newAddress()
  await registerAs(email)
  const token = await mailedToken(mailbox, email)
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    for (const path of ['/verify-email', verifyPath(token)]) {
      const response = await fetch(url + path, { method })
      await response.arrayBuffer()
      t.ok(response.status === 200 || response.status === 405, `${method} ${path}: ${response.status}`)
    }
  }
  t.equal((await verify(token)).status, 200)
  t.match(await verify(token), { status: 410, body: { code: 'link-expired' } })
})

t.test('of any number of verifications at once exactly one succeeds', async t => {
  const email = newAddress()
  await registerAs(email)
  const token = await mailedToken(mailbox, email)
  const statuses = await Promise.all(Array.from({ length: 8 }, async () => (await verify(token)).status))
  t.strictSame(statuses.sort(), [200, 410, 410, 410, 410, 410, 410, 410])
})

t.test('a malformed token gets the same answer as an expired one', async t => {
  const hostile = [
    'x',
    'null',
    '__proto__',
    '%00',
    '%F0%9F%98%80',
    "'%20or%201=1--",
    'A'.repeat(32),
    'A'.repeat(101),
    'A'.repeat(4000)
  ]
  for (const token of hostile) {
    t.match(await verify(token), { status: 410, body: { code: 'link-expired' } }, token.slice(0, 40))
  }
})

t.test('an expired link is refused', async t => {
  const email = newAddress()
  await registerAs(email)
  const token = await mailedToken(mailbox, email)
  await sql`update mailed_tokens set expires_at = now() - interval '1 second'
    where registration_id in (select id from registrations where email = ${email})`
  t.equal((await verify(token)).status, 410)
})

t.test('an unverified login says so only to the right password', async t => {
  const email = newAddress()
  await registerAs(email)
  t.match(await login(email), { status: 403, body: { code: 'email-unverified' } })
  t.match(await login(email, 'Wrong-horse-7'), { status: 401, body: { code: 'invalid-credentials' } })
})

t.test('a link activates its own registration, never the password of another one', async t => {
  const email = newAddress()
  await registerAs(email, 'Owners-horse-1')
  const ownersToken = await mailedToken(mailbox, email)
  await registerAs(email, 'Newcomers-horse-2')
  const [newcomersToken = ''] = await mailedTokens(email, 2)
  t.equal((await verify(ownersToken)).status, 200)
  t.match(await login(email, 'Newcomers-horse-2'), { status: 403, body: { code: 'email-unverified' } })
  t.equal((await login(email, 'Owners-horse-1')).status, 200)
  t.equal((await verify(newcomersToken)).status, 410, 'the other link is void')
  t.equal((await login(email, 'Owners-horse-1')).status, 200)
})

t.test('two links of one address opened at once: one holds, and neither waits for the other for ever', async t => {
  for (let round = 0; round < 5; round++) {
    const email = newAddress()
    await Promise.all([registerAs(email), registerAs(email)])
    const tokens = await mailedTokens(email, 2)
    const statuses = await Promise.all(tokens.map(async token => (await verify(token)).status))
    t.strictSame(statuses.sort(), [200, 410])
  }
})

t.test('where verification is optional, one is signed in at once, and a known address is 409', async t => {
  const optional = await subject.another({ EMAIL_VERIFICATION: 'optional' })
  const email = newAddress()
  const { status, body, headers } = await registerAs(email, PASSWORD, optional.url)
  t.equal(status, 201)
  t.match(body, {
    user: { email, name: 'Ada', role: 'user', emailVerified: false },
    tokenType: 'Bearer',
    expiresIn: 900
  })
  t.ok(headers.getSetCookie().some(cookie => cookie.startsWith(`__Host-refresh=${body.refreshToken}; `)))
  t.equal((await call(optional.url, 'GET', '/api/v1/users/me', { token: body.accessToken })).status, 200)
  const [token = ''] = await mailedTokens(email, 1)
  t.match(await registerAs(email, PASSWORD, optional.url), { status: 409, body: { code: 'email-taken' } })
  t.equal((await login(email, PASSWORD, optional.url)).status, 200, 'unverified, and welcome')

  t.equal((await verify(token)).status, 200)
  t.match(await login(email, PASSWORD, optional.url), { body: { user: { emailVerified: true } } })
})

t.test('of any number of registrations at once exactly one gets the address', async t => {
  const optional = await subject.another({ EMAIL_VERIFICATION: 'optional' })
  const email = newAddress()
  const statuses = await Promise.all(
    Array.from({ length: 6 }, async () => (await registerAs(email, PASSWORD, optional.url)).status)
  )
  t.strictSame(statuses.sort(), [201, 409, 409, 409, 409, 409])
})

t.test('every violated rule of a registration is named by a pointer', async t => {
  const table: readonly [object, string][] = [
    [{ email: 'ada@localhost' }, '/email'],
    [{ email: '"ada"@example.com' }, '/email'],
    [{ password: 'short-A1'.slice(1) }, '/password'],
    [{ password: 'no-upper-case-1' }, '/password'],
    [{ name: 'Ada\u202eevE' }, '/name'],
    [{ name: ' ' }, '/name']
  ]
  for (const [change, pointer] of table) {
    const body = { email: newAddress(), password: PASSWORD, name: 'Ada', ...change }
    const answer = await call(url, 'POST', REGISTER, { body })
    t.match(answer, { status: 422, body: { code: 'invalid-request', errors: [{ pointer }] } }, JSON.stringify(change))
  }
})

t.test('a refused registration costs none of the quota, and the quota says when to come back', async t => {
  const strict = await subject.another({ QUOTA_REGISTER: '2/3600' })
  for (let i = 0; i < 4; i++) t.equal((await registerAs('not-an-address', PASSWORD, strict.url)).status, 422)
  // Other tests of this file have used the same window; nothing is left of a quota of 2.
  const refused = await registerAs(newAddress(), PASSWORD, strict.url)
  t.match(refused, { status: 429, body: { code: 'rate-limited' } })
  t.match(refused.headers.get('retry-after'), /^[1-9]\d*$/)
  t.match(refused.headers.get('ratelimit'), /^"register";r=0;t=\d+$/)
  t.match(refused.headers.get('ratelimit-policy'), /^"register";q=2;w=363[01]$/, 'an hour and a slice')
})
