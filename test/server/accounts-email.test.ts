/**
 * New verification links and changes of address, over HTTP. No answer reveals whether an address is known.
 *
 * Over 200 lines: its tests spend the quotas of one origin, which is started once for all of them.
 */

import t from 'tap'
import { call, mailedToken, newAddress, PASSWORD, register, type SignedUp, signUp } from '../lib/person.ts'
import { until } from '../lib/until.ts'
import { openSubject } from './http/subject.ts'

const subject = await openSubject(t, { QUOTA_RESEND_VERIFICATION: '3/3600' })
const { url, mailbox, sql } = subject
const API = '/api/v1'
const resend = (email: unknown, base = url) =>
  call(base, 'POST', `${API}/auth/resend-verification`, { body: { email } })
const verify = (token: string) => call(url, 'POST', `${API}/auth/verify-email/${token}`)
const registerAs = (email: string, password = PASSWORD, base = url) =>
  call(base, 'POST', `${API}/auth/register`, { body: { email, password, name: 'Ada' } })
const login = (email: string, password = PASSWORD) =>
  call(url, 'POST', `${API}/auth/login`, { body: { email, password } })
const change = (ada: Pick<SignedUp, 'accessToken'>, email: string, password = PASSWORD) =>
  call(url, 'POST', `${API}/users/me/email`, { token: ada.accessToken, body: { email, password } })
const expire = (email: string) => sql`delete from mailed_tokens where registration_id in
  (select id from registrations where email = ${email})`

/** Waits until the worker has sent or given up the newest email of a kind to an address. */
const dealt = (email: string, kind: string) =>
  until(`the ${kind} to ${email} is dealt with`, async () => {
    const rows = await sql`select sent_at from outbox where recipient = ${email} and kind = ${kind}`
    return rows.length > 0 && rows.every(row => row.sent_at !== null)
  })
const mailsAbout = (email: string, pattern: RegExp) =>
  mailbox.messages(email).filter(({ subject: title }) => pattern.test(title))

/** The parts of an answer that a client can see. */
const seen = ({ status, headers, body }: Awaited<ReturnType<typeof call>>) => ({
  status,
  body,
  headers: [...headers.keys()]
})

t.test('resend gives every address the same answer, byte for byte', async t => {
  const waiting = newAddress()
  await registerAs(waiting)
  const answers = [await resend(await register(url, mailbox)), await resend(waiting), await resend(newAddress())]
  t.equal(answers[0]?.status, 202)
  for (const answer of answers) t.strictSame(seen(answer), seen(answers[0] as (typeof answers)[0]))
})

t.test('resend emails a new link for a pending registration, and the old link stays valid', async t => {
  const email = newAddress()
  await registerAs(email)
  const first = await mailedToken(mailbox, email)
  await resend(email)
  const second = await until('another link', async () => {
    const token = await mailedToken(mailbox, email)
    return token !== first && token
  })
  t.equal((await verify(second)).status, 200)
  t.equal((await login(email)).status, 200)
  t.equal((await verify(first)).status, 410, 'one of them is enough')
})

t.test('resend keeps the registration until the new link expires', async t => {
  const email = newAddress()
  await registerAs(email)
  await mailedToken(mailbox, email)
  await expire(email)
  await sql`update registrations set expires_at = now() + interval '1 minute' where email = ${email}`
  await resend(email)
  await dealt(email, 'verify-email')
  const [row] = await sql`select r.expires_at = t.expires_at as same from registrations r
    join mailed_tokens t on t.registration_id = r.id where r.email = ${email}`
  t.equal(row?.same, true)
})

t.test('resend sends nothing to an unknown address, and sign-in instructions to one with an account', async t => {
  const [unknown, verified] = [newAddress(), await register(url, mailbox)]
  for (const email of [unknown, verified]) {
    await resend(email)
    await dealt(email, 'verification-requested')
  }
  t.equal(mailbox.messages(unknown).length, 0)
  t.equal(mailsAbout(verified, /already have an account/).length, 1)
})

t.test('resend does the same work for every address: two rows', async t => {
  const twice = newAddress()
  for (const password of ['Owners-horse-1', 'Owners-horse-2']) await registerAs(twice, password)
  const disabled = await register(url, mailbox)
  await sql`update users set disabled_at = now() where email = ${disabled}`
  const rows = []
  for (const email of [newAddress(), await register(url, mailbox), disabled, twice]) {
    const counted = async () => {
      const [row] = await sql`select
        (select count(*)::int from audit_events where kind = 'verification-resent') as audited,
        (select count(*)::int from outbox) as mails`
      return { audited: row?.audited, mails: row?.mails }
    }
    const before = await counted()
    await resend(email)
    const after = await counted()
    rows.push({ audited: after.audited - before.audited, mails: after.mails - before.mails })
  }
  t.strictSame(rows, Array(4).fill({ audited: 1, mails: 1 }))
})

t.test('after two registrations with two passwords, resend says what to do, and that works', async t => {
  const email = newAddress()
  await registerAs(email, 'Owners-horse-1')
  const first = await mailedToken(mailbox, email)
  await registerAs(email, 'Owners-horse-2')
  const second = await until('the other link', async () => {
    const token = await mailedToken(mailbox, email)
    return token !== first && token
  })
  t.equal((await verify(first)).status, 200)
  t.match(await login(email, 'Owners-horse-2'), { status: 403, body: { code: 'email-unverified' } })
  t.equal((await verify(second)).status, 410, 'the link of the other password')

  await resend(email)
  const [note] = await until('the way out is emailed', () => {
    const mails = mailsAbout(email, /already have an account/)
    return mails.length > 0 && mails
  })
  t.match(note?.links, [/\/reset-password$/])
  await call(url, 'POST', `${API}/auth/forgot-password`, { body: { email } })
  const reset = await until('the link to a new password', () => {
    const [mail] = mailsAbout(email, /^Choose a new password/)
    return mail?.links[0]?.split('#token=')[1]
  })
  const body = { token: reset, password: 'Owners-horse-2' }
  t.equal((await call(url, 'POST', `${API}/auth/reset-password`, { body })).status, 200)
  t.equal((await login(email, 'Owners-horse-2')).status, 200)
})

t.test('after two registrations and the loss of both links, the way out works, too', async t => {
  const email = newAddress()
  for (const password of ['Owners-horse-1', 'Owners-horse-2']) await registerAs(email, password)
  await until('both links', () => mailbox.messages(email).length === 2)
  await expire(email)
  await resend(email)
  await until('the way out is emailed', () => mailsAbout(email, /register again/).length === 1)
  const older = await mailedToken(mailbox, email)
  await registerAs(email, 'Owners-horse-3')
  const newest = await until('the newest link', async () => {
    const token = await mailedToken(mailbox, email)
    return token !== older && token
  })
  t.equal((await verify(newest)).status, 200)
  t.equal((await login(email, 'Owners-horse-3')).status, 200)
})

t.test('resend never emails a link that might activate the registration of another user', async t => {
  const email = newAddress()
  await registerAs(email, 'Owners-horse-1')
  await registerAs(email, 'Newcomers-horse-2')
  await until('both links', () => mailbox.messages(email).length === 2)
  await resend(email)
  const [mail] = await until('the answer', () => {
    const mails = mailsAbout(email, /register again/)
    return mails.length > 0 && mails
  })
  t.notMatch(mail?.text, /#token=/)
  t.equal(
    (
      await sql`select 1 from mailed_tokens t join registrations r on r.id = t.registration_id
    where r.email = ${email}`
    ).length,
    2,
    'and the links that were emailed before stay as they are'
  )
})

t.test('resend emails a link that verifies an account, if verification is optional', async t => {
  const optional = await subject.another({ EMAIL_VERIFICATION: 'optional' })
  const email = newAddress()
  await registerAs(email, PASSWORD, optional.url)
  const first = await mailedToken(mailbox, email)
  await resend(email, optional.url)
  const second = await until('another link', async () => {
    const token = await mailedToken(mailbox, email)
    return token !== first && token
  })
  t.equal((await verify(second)).status, 200)
  const [row] = await sql`select email_verified from users where email = ${email}`
  t.equal(row?.email_verified, true)
})

t.test('a fourth resend within an hour is refused, for known and unknown addresses in any spelling', async t => {
  for (const email of [newAddress(), await register(url, mailbox)]) {
    const spellings = [email, email.toUpperCase(), ` ${email} `, email]
    const answers = []
    for (const spelling of spellings) answers.push(await resend(spelling))
    t.strictSame(
      answers.map(({ status }) => status),
      [202, 202, 202, 429]
    )
    const refused = answers[3] as (typeof answers)[0]
    t.equal(refused.body.code, 'rate-limited')
    t.ok(Number(refused.headers.get('retry-after')) > 0)
    t.match(refused.headers.get('ratelimit'), '"resend-verification";r=0;')
  }
})

t.test('of any number of resends at once three are accepted', async t => {
  const email = newAddress()
  const statuses = await Promise.all(Array.from({ length: 9 }, async () => (await resend(email)).status))
  t.equal(statuses.filter(status => status === 202).length, 3)
  t.equal(statuses.filter(status => status === 429).length, 6)
})

t.test('Redis stores no email address', async t => {
  const email = newAddress()
  await resend(email)
  const response = await fetch(subject.redis.url, {
    method: 'POST',
    headers: { authorization: `Bearer ${subject.redis.token}` },
    body: JSON.stringify(['KEYS', '*resend-verification*'])
  })
  const text = await response.text()
  t.match(text, 'resend-verification')
  t.notMatch(text, email.split('@')[0])
})

t.test('hostile addresses are refused by name, before any work', async t => {
  const hostile = [null, 7, {}, [], '', 'x', 'a@b', 'a@b.example, c@d.example', '"a"@b.example', 'x'.repeat(300)]
  for (const email of hostile) {
    t.match(await resend(email), { status: 422, body: { errors: [{ pointer: '/email' }] } }, JSON.stringify(email))
  }
  t.equal((await resend('a\0@example.com')).status, 400)
  t.equal((await resend(`${'x'.repeat(20_000)}@example.com`)).status, 413)
})

t.test('an address changes when the link to the new one is opened, and the old one is notified', async t => {
  const ada = await signUp(url, mailbox)
  const next = newAddress()
  t.equal((await change(ada, next)).status, 202)
  const token = await mailedToken(mailbox, next)
  t.equal((await login(ada.email)).status, 200, 'until then the old one holds')
  t.equal((await login(next)).status, 401)

  const verified = await verify(token)
  t.match(verified, { status: 200, body: { message: /new address/ } })
  t.equal((await login(next)).status, 200)
  t.equal((await login(ada.email)).status, 401)
  const { body } = await call(url, 'GET', `${API}/users/me`, { token: ada.accessToken })
  t.match(body, { id: ada.userId, email: next, emailVerified: true }, 'and the session goes on')
  await until(
    'the old address is notified',
    () => mailsAbout(ada.email, /address of your account was changed/).length === 1
  )
  t.equal((await verify(token)).status, 410, 'once')
})

t.test('an email to a new address contains no text of the user', async t => {
  const ada = await signUp(url, mailbox)
  const next = newAddress()
  await change(ada, next)
  await mailedToken(mailbox, next)
  const [mail] = mailbox.messages(next)
  t.notMatch(`${mail?.text}${mail?.html}`, /Ada|person-.*@/)
})

t.test('a change of address needs the password, and says nothing about the address before', async t => {
  const [ada, eve] = [await signUp(url, mailbox), await signUp(url, mailbox)]
  for (const email of [newAddress(), eve.email]) {
    t.match(await change(ada, email, 'Wrong-horse-7'), { status: 403, body: { code: 'password-incorrect' } })
  }
  t.equal((await sql`select 1 from mailed_tokens where user_id = ${ada.userId}`).length, 0)
})

t.test('a taken address looks like a free one, and its owner is notified instead', async t => {
  const [ada, eve] = [await signUp(url, mailbox), await signUp(url, mailbox)]
  const [free, taken] = [await change(ada, newAddress()), await change(ada, eve.email)]
  t.equal(taken.status, 202)
  t.strictSame(seen(taken), seen(free))
  const [note] = await until('the owner is notified', () => {
    const mails = mailsAbout(eve.email, /already have an account/)
    return mails.length > 0 && mails
  })
  t.strictSame(
    note?.links.filter(link => link.includes('#')),
    []
  )
  const exported = await call(url, 'GET', '/api/v1/users/me/export', { token: ada.accessToken })
  const wanted = exported.body.pendingLinks.map((link: { email: string }) => link.email)
  t.ok(wanted.includes(eve.email), 'an export shows the wanted address, whether it is taken or not')
})

t.test('the current address is refused as a new one', async t => {
  const ada = await signUp(url, mailbox)
  t.match(await change(ada, ada.email.toUpperCase()), { status: 422, body: { errors: [{ pointer: '/email' }] } })
})

t.test('a link to an address that was taken meanwhile has expired, and changes nothing', async t => {
  const ada = await signUp(url, mailbox)
  const next = newAddress()
  await change(ada, next)
  const token = await mailedToken(mailbox, next)
  await registerAs(next)
  const registration = await until('the other link', async () => {
    const newest = await mailedToken(mailbox, next)
    return newest !== token && newest
  })
  t.equal((await verify(registration)).status, 200)
  for (let i = 0; i < 2; i++) t.match(await verify(token), { status: 410, body: { code: 'link-expired' } })
  t.equal((await login(ada.email)).status, 200)
})

t.test('an address that two accounts request at once goes to one of them, and no request waits for ever', async t => {
  for (let round = 0; round < 5; round++) {
    const ada = await signUp(url, mailbox)
    const next = newAddress()
    await change(ada, next)
    const first = await mailedToken(mailbox, next)
    await registerAs(next)
    const second = await until('the other link', async () => {
      const newest = await mailedToken(mailbox, next)
      return newest !== first && newest
    })
    const statuses = await Promise.all([first, second].map(async token => (await verify(token)).status))
    t.strictSame(statuses.sort(), [200, 410])
    t.equal((await sql`select 1 from users where email = ${next}`).length, 1)
  }
})

t.test('of two accounts that confirm one address at once, one gets it', async t => {
  const next = newAddress()
  const [ada, eve] = [await signUp(url, mailbox), await signUp(url, mailbox)]
  await change(ada, next)
  const first = await mailedToken(mailbox, next)
  await change(eve, next)
  const second = await until('the other link', async () => {
    const newest = await mailedToken(mailbox, next)
    return newest !== first && newest
  })
  const statuses = await Promise.all([first, second].map(async token => (await verify(token)).status))
  t.strictSame(statuses.sort(), [200, 410])
})

t.test('of several changes only the last link is valid', async t => {
  const ada = await signUp(url, mailbox)
  const [mistyped, meant] = [newAddress(), newAddress()]
  await change(ada, mistyped)
  const old = await mailedToken(mailbox, mistyped)
  await change(ada, meant)
  t.equal((await verify(old)).status, 410)
  t.equal((await verify(await mailedToken(mailbox, meant))).status, 200)
})

t.test('a change of address voids the links that were sent to the old one', async t => {
  const ada = await signUp(url, mailbox)
  await call(url, 'POST', `${API}/auth/forgot-password`, { body: { email: ada.email } })
  const reset = await until('the link', () => {
    const [mail] = mailsAbout(ada.email, /new password/)
    return mail?.links[0]?.split('#token=')[1]
  })
  const next = newAddress()
  await change(ada, next)
  await verify(await mailedToken(mailbox, next))
  const answer = await call(url, 'POST', `${API}/auth/reset-password`, {
    body: { token: reset, password: 'Another-horse-8' }
  })
  t.equal(answer.status, 410)
})

t.test('registrations of an address are void once an account has changed to it', async t => {
  const ada = await signUp(url, mailbox)
  const next = newAddress()
  await registerAs(next, 'Squatters-horse-1')
  const squatted = await mailedToken(mailbox, next)
  await change(ada, next)
  const token = await until('the other link', async () => {
    const newest = await mailedToken(mailbox, next)
    return newest !== squatted && newest
  })
  t.equal((await verify(token)).status, 200)
  t.equal((await verify(squatted)).status, 410)
})

t.test('each step is audited with its user', async t => {
  const ada = await signUp(url, mailbox)
  const next = newAddress()
  await change(ada, next)
  await verify(await mailedToken(mailbox, next))
  const rows = await sql`select kind from audit_events where user_id = ${ada.userId}`
  const expected = ['account-created', 'email-change-requested', 'email-changed', 'email-verified', 'login-succeeded']
  t.strictSame(rows.map(({ kind }) => kind).sort(), expected)
})

t.test('every link that proves a mailbox clears the block of its account and marks the device', async t => {
  const strict = await openSubject(t, { LOGIN_FAILURES_ACCOUNT: '1/900' })
  const post = (path: string, body?: object, token?: string) =>
    call(strict.url, 'POST', API + path, { ...(body && { body }), ...(token && { token }) })
  const signIn = (email: string, password = PASSWORD) => post('/auth/login', { email, password })
  const block = async (email: string) => {
    await signIn(email, 'Wrong-horse-7')
    t.equal((await signIn(email)).body.code, 'too-many-attempts')
  }
  const open = async (email: string) => {
    const answer = await post(`/auth/verify-email/${await mailedToken(strict.mailbox, email)}`)
    t.equal(answer.status, 200)
    t.match(answer.headers.getSetCookie(), [`__Host-device=${answer.body.deviceMark}; `])
  }

  const email = newAddress()
  await post('/auth/register', { email, password: PASSWORD, name: 'Ada' })
  await block(email)
  await open(email)
  const signedIn = await signIn(email)
  t.equal(signedIn.status, 200, 'a registration becomes an account')

  const next = newAddress()
  await post('/users/me/email', { email: next, password: PASSWORD }, signedIn.body.accessToken)
  await block(next)
  await open(next)
  t.equal((await signIn(next)).status, 200, 'an address replaces another one')
})
