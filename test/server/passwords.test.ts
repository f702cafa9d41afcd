/**
 * Forgotten, reset and changed passwords, over HTTP: a link works once, and its change reaches every session.
 *
 * Over 200 lines: one origin serves the three ways to a new password, which void one another's links.
 */

import type { TransactionSql } from 'postgres'
import t from 'tap'
import { call, newAddress, PASSWORD, register, type SignedUp, signUp } from '../lib/person.ts'
import { until } from '../lib/until.ts'
import { openSubject } from './http/subject.ts'

const subject = await openSubject(t, { QUOTA_FORGOT_PASSWORD: '3/3600' })
const { url, mailbox, sql } = subject
const API = '/api/v1'
const NEW_PASSWORD = 'Another-horse-8'
const forgot = (email: unknown, base = url) => call(base, 'POST', `${API}/auth/forgot-password`, { body: { email } })
const reset = (token: unknown, password: unknown = NEW_PASSWORD, base = url) =>
  call(base, 'POST', `${API}/auth/reset-password`, { body: { token, password } })
const login = (email: string, password = PASSWORD) =>
  call(url, 'POST', `${API}/auth/login`, { body: { email, password } })
const isLive = async ({ accessToken: token }: Pick<SignedUp, 'accessToken'>) =>
  (await call(url, 'GET', `${API}/users/me`, { token })).status === 200
const change = (ada: Pick<SignedUp, 'accessToken'>, currentPassword: unknown, newPassword: unknown = NEW_PASSWORD) =>
  call(url, 'POST', `${API}/users/me/password`, { token: ada.accessToken, body: { currentPassword, newPassword } })
const EXPIRED = { status: 410, body: { code: 'link-expired' } }

/** The tokens of reset links emailed to an address, newest first. */
const resetTokens = (email: string, from = mailbox) =>
  from
    .messages(email)
    .flatMap(({ links }) => links)
    .filter(link => link.includes('/reset-password#token='))
    .map(link => link.split('#token=')[1] ?? '')

/** Requests a link from an origin and waits for it. */
async function resetTokenFrom(from: Pick<typeof subject, 'url' | 'mailbox'>, email: string): Promise<string> {
  const known = resetTokens(email, from.mailbox).length
  await forgot(email, from.url)
  return until(`a reset link is emailed to ${email}`, () => {
    const tokens = resetTokens(email, from.mailbox)
    return tokens.length > known && tokens[0]
  })
}
const resetToken = (email: string) => resetTokenFrom(subject, email)

const dealt = (email: string) =>
  until(`the request of ${email} is dealt with`, async () => {
    const rows = await sql`select sent_at from outbox where recipient = ${email}`
    return rows.every(row => row.sent_at !== null)
  })
const kindsOf = async (userId: string) =>
  (await sql`select kind from audit_events where user_id = ${userId}`).map(({ kind }) => kind)

t.test('forgot gives every address the same answer, byte for byte', async t => {
  const disabled = await register(url, mailbox)
  await sql`update users set disabled_at = now() where email = ${disabled}`
  const answers = [await forgot(await register(url, mailbox)), await forgot(newAddress()), await forgot(disabled)]
  const seen = answers.map(({ status, headers, body }) => ({ status, body, headers: [...headers.keys()] }))
  t.equal(seen[0]?.status, 202)
  t.strictSame(seen[1], seen[0])
  t.strictSame(seen[2], seen[0])
})

t.test('forgot writes the same rows for every address', async t => {
  const rows = []
  for (const email of [await register(url, mailbox), newAddress()]) {
    const [before] = await sql`select count(*)::int as count from audit_events where kind = 'password-reset-requested'`
    await forgot(email)
    const [after] = await sql`select count(*)::int as count from audit_events where kind = 'password-reset-requested'`
    const mails =
      await sql`select 1 from outbox where recipient = ${email} and kind in ('reset-requested', 'reset-password')`
    rows.push({ audited: after?.count - before?.count, mails: mails.length })
  }
  t.strictSame(rows, [
    { audited: 1, mails: 1 },
    { audited: 1, mails: 1 }
  ])
})

t.test(
  'forgot sends nothing to an address without an account, with a waiting registration, or of a disabled account',
  async t => {
    const disabled = await register(url, mailbox)
    await sql`update users set disabled_at = now() where email = ${disabled}`
    const waiting = newAddress()
    await call(url, 'POST', `${API}/auth/register`, { body: { email: waiting, password: PASSWORD, name: 'Ada' } })
    for (const email of [newAddress(), disabled, waiting]) {
      await forgot(email)
      await dealt(email)
      t.strictSame(resetTokens(email), [])
    }
  }
)

t.test(
  'a fourth request within an hour is refused, known or not, and each kind of email has a quota of its own',
  async t => {
    for (const email of [newAddress(), await register(url, mailbox)]) {
      const statuses = []
      for (let i = 0; i < 4; i++) statuses.push((await forgot(email.toUpperCase())).status)
      t.strictSame(statuses, [202, 202, 202, 429])
      const resend = await call(url, 'POST', `${API}/auth/resend-verification`, { body: { email } })
      t.equal(resend.status, 202)
    }
  }
)

t.test('reset sets the password, ends every session and begins none', async t => {
  const ada = await signUp(url, mailbox)
  const phone = (await login(ada.email)).body
  const answer = await reset(await resetToken(ada.email))
  t.equal(answer.status, 200)
  t.strictSame(Object.keys(answer.body).sort(), ['deviceMark', 'message'])
  t.notMatch(answer.headers.get('set-cookie'), /__Host-refresh/)
  for (const device of [ada, phone]) {
    t.notOk(await isLive(device))
    const refreshed = await call(url, 'POST', `${API}/auth/refresh`, { body: { refreshToken: device.refreshToken } })
    t.equal(refreshed.status, 401)
  }
  t.equal((await login(ada.email)).status, 401, 'the old password is over')
  t.equal((await login(ada.email, NEW_PASSWORD)).status, 200)
})

t.test('reset notifies the owner, is recorded, and is published to the edges', async t => {
  const ada = await signUp(url, mailbox)
  await reset(await resetToken(ada.email))
  await until('the owner is notified', () =>
    mailbox.messages(ada.email).some(({ subject }) => /was changed/.test(subject))
  )
  t.ok((await kindsOf(ada.userId)).includes('password-reset'))
  const rows = await sql`select end_published, end_reason from sessions where user_id = ${ada.userId}`
  t.strictSame([...rows], [{ end_published: true, end_reason: 'password-reset' }])
})

t.test('a reset link works once: of any number of attempts at once exactly one succeeds', async t => {
  const ada = await signUp(url, mailbox)
  const token = await resetToken(ada.email)
  const passwords = Array.from({ length: 8 }, (_, i) => `Another-horse-${i}`)
  const answers = await Promise.all(passwords.map(async password => (await reset(token, password)).status))
  t.strictSame(answers.toSorted(), [200, 410, 410, 410, 410, 410, 410, 410])
  const winner = passwords[answers.indexOf(200)] ?? ''
  t.equal((await login(ada.email, winner)).status, 200, 'and the password is the winner’s')
  t.match(await reset(token), EXPIRED)
})

t.test('of several links used at once exactly one wins, and none waits for ever', async t => {
  for (let round = 0; round < 3; round++) {
    const email = await register(url, mailbox)
    const tokens = [await resetToken(email), await resetToken(email), await resetToken(email)]
    const statuses = await Promise.all(tokens.map(async token => (await reset(token)).status))
    t.strictSame(statuses.sort(), [200, 410, 410])
  }
})

t.test('a reset voids the other links of the account, those of a change of address too', async t => {
  const ada = await signUp(url, mailbox)
  const next = newAddress()
  await call(url, 'POST', `${API}/users/me/email`, {
    token: ada.accessToken,
    body: { password: PASSWORD, email: next }
  })
  const [older, newer] = [await resetToken(ada.email), await resetToken(ada.email)]
  t.equal((await reset(newer)).status, 200)
  t.match(await reset(older), EXPIRED)
  t.equal((await sql`select 1 from mailed_tokens where user_id = ${ada.userId}`).length, 0)
})

t.test('a password that the policy refuses does not use the link up, and costs none of the quota', async t => {
  const strict = await subject.another({ QUOTA_MAILED_TOKENS: '2/3600' })
  const ada = await signUp(url, mailbox)
  const token = await resetToken(ada.email)
  const refused = ['short-1A'.slice(1), 'no-upper-case-1', 'NO-LOWER-CASE-1', 'No-digit-here', 'NoSymbol1here']
  for (const password of refused) {
    const answer = await reset(token, password, strict.url)
    t.match(answer, { status: 422, body: { errors: [{ pointer: '/password' }] } }, password)
  }
  // In lower case the address has no upper-case letter; in another spelling it is the same address.
  const own = await reset(token, `${ada.email[0]?.toUpperCase()}${ada.email.slice(1)}`)
  t.match(own, { status: 422, body: { errors: [{ pointer: '/password', detail: /your email address/ }] } })
  t.equal((await reset(token, NEW_PASSWORD)).status, 200)
})

t.test('submitting links has a quota', async t => {
  const strict = await subject.another({ QUOTA_MAILED_TOKENS: '1/3600' })
  // Other tests of this file have used the same window, so a quota of 1 is used up.
  const refused = await reset('A'.repeat(32), NEW_PASSWORD, strict.url)
  t.match(refused, { status: 429, body: { code: 'rate-limited' } })
  t.match(refused.headers.get('ratelimit'), '"mailed-tokens";r=0;')
})

t.test('a malformed reset token gets the same answer as an expired one', async t => {
  const ada = await signUp(url, mailbox)
  await call(url, 'POST', `${API}/users/me/email`, {
    token: ada.accessToken,
    body: { password: PASSWORD, email: newAddress() }
  })
  for (const token of ['', 'x', '__proto__', "' or 1=1--", 'A'.repeat(32), '😀', '\u202e', 'x'.repeat(512)]) {
    t.match(await reset(token), EXPIRED, token.slice(0, 20))
  }
  const verification = await until('a link of another purpose', async () => {
    const email = newAddress()
    await call(url, 'POST', `${API}/auth/register`, { body: { email, password: PASSWORD, name: 'Ada' } })
    return until('it', () => mailbox.messages(email)[0]?.links[0]?.split('#token=')[1])
  })
  t.match(await reset(verification), EXPIRED, 'a token of another purpose')
  const token = await resetToken(ada.email)
  t.equal((await call(url, 'POST', `${API}/auth/verify-email/${token}`)).status, 410, 'nor the other way round')
  await sql`update mailed_tokens set expires_at = now() where purpose = 'reset-password' and user_id = ${ada.userId}`
  t.match(await reset(token), EXPIRED, 'one that has expired')
})

t.test('hostile bodies are refused by shape, and change nothing', async t => {
  const token = await resetToken(await register(url, mailbox))
  const shapes: readonly [unknown, unknown][] = [
    [null, NEW_PASSWORD],
    [[token], NEW_PASSWORD],
    [{ toString: token }, NEW_PASSWORD],
    [7, NEW_PASSWORD],
    [token, null],
    [token, 12345678],
    [token, [NEW_PASSWORD]],
    [token, ''],
    [token, `Aa1!${'x'.repeat(253)}`]
  ]
  for (const [one, password] of shapes) {
    t.equal((await reset(one, password)).status, 422, JSON.stringify([one, password]).slice(0, 60))
  }
  t.equal((await reset(token, `${NEW_PASSWORD}\0`)).status, 400)
  t.equal((await reset(token, 'x'.repeat(20_000))).status, 413)
  const cross = await call(url, 'POST', `${API}/auth/reset-password`, {
    headers: { origin: 'https://evil.example' },
    body: { token, password: NEW_PASSWORD }
  })
  t.equal(cross.body.code, 'cross-site-request')
  t.equal((await reset(token)).status, 200, 'and the link is still good')
})

t.test('a reset verifies the address as well, if verification is optional', async t => {
  const optional = await subject.another({ EMAIL_VERIFICATION: 'optional' })
  const email = newAddress()
  const { body } = await call(optional.url, 'POST', `${API}/auth/register`, {
    body: { email, password: PASSWORD, name: 'Ada' }
  })
  t.equal(body.user.emailVerified, false)
  t.equal((await reset(await resetToken(email))).status, 200)
  t.match(await login(email, NEW_PASSWORD), { status: 200, body: { user: { emailVerified: true } } })
  t.ok((await kindsOf(body.user.id)).includes('email-verified'))
})

t.test('change sets the password and ends every other session', async t => {
  const ada = await signUp(url, mailbox)
  const phone = (await login(ada.email)).body
  t.equal((await change(ada, PASSWORD)).status, 204)
  t.ok(await isLive(ada))
  t.notOk(await isLive(phone))
  t.equal((await login(ada.email)).status, 401)
  t.equal((await login(ada.email, NEW_PASSWORD)).status, 200)
  await until('the owner is notified', () =>
    mailbox.messages(ada.email).some(({ subject }) => /was changed/.test(subject))
  )
  t.ok((await kindsOf(ada.userId)).includes('password-changed'))
})

t.test('change refuses a wrong password and a bad new one, each by its name', async t => {
  const ada = await signUp(url, mailbox)
  t.match(await change(ada, 'Wrong-horse-7'), { status: 403, body: { code: 'password-incorrect' } })
  const bad = await change(ada, PASSWORD, 'short')
  t.match(bad, { status: 422, body: { errors: [{ pointer: '/newPassword' }] } })
  t.equal((await call(url, 'POST', `${API}/users/me/password`, { body: {} })).status, 401)
  for (const [current, next] of [
    [null, NEW_PASSWORD],
    [PASSWORD, 7],
    ['', NEW_PASSWORD],
    [[PASSWORD], NEW_PASSWORD]
  ]) {
    t.equal((await change(ada, current, next)).status, 422)
  }
  t.equal((await login(ada.email)).status, 200)
  t.ok((await kindsOf(ada.userId)).includes('reauthentication-failed'))
})

t.test('of changes at once exactly one wins', async t => {
  const ada = await signUp(url, mailbox)
  const passwords = Array.from({ length: 6 }, (_, i) => `Another-horse-${i}`)
  const statuses = await Promise.all(passwords.map(async one => (await change(ada, PASSWORD, one)).status))
  t.strictSame(statuses.toSorted(), [204, 403, 403, 403, 403, 403])
  t.equal((await login(ada.email, passwords[statuses.indexOf(204)])).status, 200)
})

/** Each of these requires the current password. */
const REAUTHENTICATED = {
  'change of password': (ada: SignedUp) => change(ada, PASSWORD),
  'change of address': (ada: SignedUp) =>
    call(url, 'POST', `${API}/users/me/email`, {
      token: ada.accessToken,
      body: { email: newAddress(), password: PASSWORD }
    }),
  deletion: (ada: SignedUp) =>
    call(url, 'DELETE', `${API}/users/me`, { token: ada.accessToken, body: { password: PASSWORD } })
}

for (const [name, ask] of Object.entries(REAUTHENTICATED)) {
  t.test(`${name}: a proof of the password is void after another change, and after a deletion`, async t => {
    const answerAfter = async (work: (db: TransactionSql, ada: SignedUp) => Promise<unknown>) => {
      const ada = await signUp(url, mailbox)
      let answer: ReturnType<typeof call> | undefined
      await sql.begin(async db => {
        await work(db, ada)
        answer = ask(ada)
        await until('the request has verified the password and waits for the user', async () => {
          const [row] = await sql`
            select count(*)::int as n from pg_stat_activity where datname = current_database()
              and wait_event_type = 'Lock' and query like 'select%from "users"%for update%'`
          return row?.n === 1
        })
      })
      return answer
    }
    t.match(
      await answerAfter((db, ada) => db`update users set password_hash = 'another' where email = ${ada.email}`),
      { status: 403, body: { code: 'password-incorrect' } },
      'the password was changed'
    )
    t.match(
      await answerAfter((db, ada) => db`delete from users where email = ${ada.email}`),
      { status: 401, body: { code: 'session-ended' } },
      'the account was deleted'
    )
  })
}

t.test('change voids reset links that were emailed before', async t => {
  const ada = await signUp(url, mailbox)
  const token = await resetToken(ada.email)
  await change(ada, PASSWORD)
  t.match(await reset(token, 'Thiefs-horse-9'), EXPIRED)
})

t.test('wrong passwords in change, deletion and change of address count as failed logins', async t => {
  const strict = await openSubject(t, { LOGIN_FAILURES_ADDRESS: '3/600' })
  const ada = await signUp(strict.url, strict.mailbox)
  const { accessToken: token } = ada
  const wrong = 'Wrong-horse-7'
  const attempts: readonly [string, string, object][] = [
    ['POST', '/users/me/password', { currentPassword: wrong, newPassword: NEW_PASSWORD }],
    ['DELETE', '/users/me', { password: wrong }],
    ['POST', '/users/me/email', { password: wrong, email: newAddress() }]
  ]
  for (const [method, path, body] of attempts) {
    t.equal((await call(strict.url, method, API + path, { token, body })).body.code, 'password-incorrect', path)
  }
  for (const [method, path, body] of attempts) {
    const blocked = await call(strict.url, method, API + path, { token, body })
    t.match(blocked, { status: 429, body: { code: 'too-many-attempts' } }, path)
    t.ok(Number(blocked.headers.get('retry-after')) > 0)
  }
  const right = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
  t.equal((await call(strict.url, 'POST', `${API}/users/me/password`, { token, body: right })).status, 429)
  const signIn = await call(strict.url, 'POST', `${API}/auth/login`, { body: { email: ada.email, password: PASSWORD } })
  t.equal(signIn.status, 429, 'and the login knows of it')
})

t.test('the owner is notified of an attack by a client that holds a token', async t => {
  const strict = await openSubject(t, { LOGIN_FAILURES_ACCOUNT: '2/900' })
  const ada = await signUp(strict.url, strict.mailbox)
  const body = { currentPassword: 'Wrong-horse-7', newPassword: NEW_PASSWORD }
  for (let i = 0; i < 3; i++) {
    await call(strict.url, 'POST', `${API}/users/me/password`, { token: ada.accessToken, body })
  }
  const mails = await until('the owner is notified', () => {
    const found = strict.mailbox
      .messages(ada.email)
      .filter(({ subject }) => /^Failed sign-ins to your account$/.test(subject))
    return found.length > 0 && found
  })
  t.equal(mails.length, 1)
})

t.test('a password set through an emailed link clears the block of its account, and of no other', async t => {
  const strict = await openSubject(t, { LOGIN_FAILURES_ACCOUNT: '2/900' })
  const [ada, eve] = [await signUp(strict.url, strict.mailbox), await signUp(strict.url, strict.mailbox)]
  const signIn = (email: string, password: string, headers = {}) =>
    call(strict.url, 'POST', `${API}/auth/login`, { body: { email, password }, headers })
  const attack = async (email: string, password: string) => {
    for (let i = 0; i < 2; i++) t.equal((await signIn(email, 'Wrong-horse-7')).body.code, 'invalid-credentials')
    t.equal((await signIn(email, password)).body.code, 'too-many-attempts')
  }
  for (const { email } of [ada, eve]) await attack(email, PASSWORD)
  const token = await resetTokenFrom(strict, ada.email)
  const answer = await reset(token, NEW_PASSWORD, strict.url)
  t.equal(answer.status, 200)
  t.equal((await signIn(ada.email, NEW_PASSWORD)).status, 200, 'without the mark, and without a wait')
  t.equal((await signIn(eve.email, PASSWORD)).status, 429, 'the other account is as it was')

  await attack(ada.email, NEW_PASSWORD)
  const cookie = `__Host-device=${answer.body.deviceMark}`
  t.equal((await signIn(ada.email, NEW_PASSWORD, { cookie })).status, 200, 'the device is known from now on')
})

t.test('a reset marks the device: by a cookie, and in the body only for non-browser clients', async t => {
  const ada = await signUp(url, mailbox)
  const markOf = (headers: Headers) => /__Host-device=([\w-]+); (.*)/.exec(headers.getSetCookie().join('\n'))
  const program = await reset(await resetToken(ada.email))
  const [, mark, attributes] = markOf(program.headers) ?? []
  t.equal(program.body.deviceMark, mark)
  t.equal(attributes, 'Max-Age=31536000; Path=/; HttpOnly; Secure; SameSite=Strict')
  for (const headers of [{ origin: 'http://gatehouse.test' }, { 'sec-fetch-site': 'same-origin' }]) {
    const body = { token: await resetToken(ada.email), password: NEW_PASSWORD }
    const browser = await call(url, 'POST', `${API}/auth/reset-password`, { body, headers })
    t.strictSame(Object.keys(browser.body), ['message'], JSON.stringify(headers))
    t.ok(markOf(browser.headers))
  }
  const expired = await reset('unknown')
  t.equal(expired.headers.get('set-cookie'), null, 'a link that has expired marks nothing')
})
