/**
 * No attacker can flood a mailbox: every kind of email has a bound for each address, for any cause.
 *
 * The kinds that a route refuses with 429 are tested with their routes; this file tests the bounds of the mail worker.
 */

import t from 'tap'
import { openDatabase } from '../../db/client.ts'
import { insertOutboxMail } from '../../db/queries/outbox.ts'
import { deriveKeys } from '../../server/lib/crypto/derived-keys.ts'
import { createSealedBox } from '../../server/lib/crypto/sealed-box.ts'
import { type MailKind, outboxMail } from '../../server/lib/mail/outbox-mail.ts'
import { call, mailedToken, newAddress, PASSWORD, signUp } from '../lib/person.ts'
import { until } from '../lib/until.ts'
import { openSubject, ROOT_SECRET } from './http/subject.ts'

const BOUNDS = { QUOTA_REGISTER_MAILS: '3/3600', QUOTA_NOTICES: '5/3600', QUOTA_CHANGE_EMAIL: '5/3600' }
const subject = await openSubject(t, BOUNDS)
const { url, mailbox, sql } = subject
const optional = await subject.another({ ...BOUNDS, EMAIL_VERIFICATION: 'optional' })
const API = '/api/v1'
const registerAs = (email: string, base = url) =>
  call(base, 'POST', `${API}/auth/register`, { body: { email, password: PASSWORD, name: 'Ada' } })
const change = (token: string, email: string, base = url) =>
  call(base, 'POST', `${API}/users/me/email`, { token, body: { email, password: PASSWORD } })

/** Waits until no email to an address waits to be sent. */
const dealt = (email: string) =>
  until(`every email to ${email} is dealt with`, async () => {
    const rows = await sql`select 1 from outbox where recipient = ${email} and sent_at is null and dead_at is null`
    return rows.length === 0
  })

/** How many emails each kind may send to one address in an hour; `route`: a route refuses further ones. */
const KINDS: Readonly<Record<MailKind, number | 'route' | 'outcome'>> = {
  registration: 3,
  'verify-email': 3,
  'verification-requested': 'route',
  'reset-requested': 'route',
  'change-email': 'route',
  'email-change-requested': 5,
  'password-changed': 5,
  'email-changed': 5,
  'new-device': 5,
  'refresh-reused': 5,
  'account-attacked': 5,
  'account-deleted': 5,
  // Emails that the mail worker sends in place of another kind, and counts as that kind.
  'register-again': 'outcome',
  'already-registered': 'outcome',
  'reset-password': 'outcome'
}

t.test('every kind of email has a bound for one address', async t => {
  const database = openDatabase({ url: subject.databaseUrl })
  t.teardown(() => database.close())
  const box = createSealedBox(deriveKeys([ROOT_SECRET]))
  for (const [kind, bound] of Object.entries(KINDS) as [MailKind, number | string][]) {
    if (typeof bound !== 'number') continue
    // A registration needs an address without an account, a notice one with an account.
    const recipient = bound === 3 ? newAddress() : (await signUp(url, mailbox)).email
    const before = mailbox.messages(recipient).length
    for (let i = 0; i < bound + 3; i++) {
      const expiresAt = new Date(Date.now() + 60_000)
      const mail = outboxMail(box, { kind, recipient, token: `token-${i}`, expiresAt }, Date.now())
      await database.run(db => insertOutboxMail(db, mail))
    }
    await dealt(recipient)
    t.equal(mailbox.messages(recipient).length - before, bound, kind)
    const kept =
      await sql`select 1 from outbox where recipient = ${recipient} and (sealed_token is not null or parameters <> '{}')`
    t.equal(kept.length, 0, 'an email that is not sent keeps neither token nor name')
  }
})

t.test('a fourth registration within an hour sends no email, and is answered like the first', async t => {
  const owner = (await signUp(url, mailbox)).email
  const before = mailbox.messages(owner).length
  for (const email of [newAddress(), owner]) {
    const answers = []
    for (const spelling of [email, email.toUpperCase(), ` ${email}`, email, email, email]) {
      answers.push(await registerAs(spelling))
    }
    const [first, ...others] = answers.map(({ status, body, headers }) => ({
      status,
      body,
      names: [...headers.keys()]
    }))
    t.equal(first?.status, 202)
    for (const other of others) t.strictSame(other, first)
    await dealt(email)
  }
  t.equal(mailbox.messages(owner).length, before + 2, 'the mail of the first registration counts as well')
})

t.test('of twenty-five registrations of one address at once three are emailed', async t => {
  const email = newAddress()
  const statuses = await Promise.all(Array.from({ length: 25 }, async () => (await registerAs(email)).status))
  t.ok(statuses.every(status => status === 202))
  await dealt(email)
  t.equal(mailbox.messages(email).length, 3)
})

t.test('registering and deleting in a loop is bounded', async t => {
  const email = newAddress()
  for (let round = 0; round < 8; round++) {
    const { status, body } = await registerAs(email, optional.url)
    t.equal(status, 201)
    const gone = await call(optional.url, 'DELETE', `${API}/users/me`, {
      token: body.accessToken,
      body: { password: PASSWORD }
    })
    t.equal(gone.status, 204)
    await dealt(email)
  }
  const subjects = mailbox.messages(email).map(({ subject: title }) => title)
  t.ok(subjects.filter(title => /confirm/.test(title)).length <= 3, String(subjects))
  t.ok(subjects.filter(title => /deleted/.test(title)).length <= 5, String(subjects))
})

t.test('signing in from ever new devices is bounded', async t => {
  const email = newAddress()
  await registerAs(email, optional.url)
  for (let i = 0; i < 8; i++) {
    const headers = { 'user-agent': `device-${i}` }
    await call(optional.url, 'POST', `${API}/auth/login`, { headers, body: { email, password: PASSWORD } })
  }
  await dealt(email)
  t.equal(mailbox.messages(email).filter(({ subject: title }) => /device/.test(title)).length, 5)
})

t.test('a sixth change of address within an hour is refused for any address, and sends no email', async t => {
  const [ada, eve] = [await signUp(url, mailbox), await signUp(url, mailbox)]
  for (let i = 0; i < 5; i++) t.equal((await change(ada.accessToken, newAddress())).status, 202)
  const unregistered = newAddress()
  const refused = await change(ada.accessToken, unregistered)
  t.match(refused, { status: 429, body: { code: 'rate-limited' } })
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.match(refused.headers.get('ratelimit'), '"change-email-account";r=0;')
  await dealt(ada.email)
  t.equal((await sql`select 1 from outbox where recipient = ${unregistered}`).length, 0)
  t.equal((await change(eve.accessToken, unregistered)).status, 202, 'another account is not concerned')
})

t.test('a malformed change of address costs nothing', async t => {
  const ada = await signUp(url, mailbox)
  for (let i = 0; i < 8; i++) t.equal((await change(ada.accessToken, 'nonsense')).status, 422)
  t.equal((await change(ada.accessToken, newAddress())).status, 202)
})

t.test('many accounts cannot flood one address with requests to confirm it', async t => {
  const strict = await subject.another({ ...BOUNDS, QUOTA_RESEND_VERIFICATION: '3/3600' })
  const target = newAddress()
  const statuses = []
  for (let i = 0; i < 5; i++)
    statuses.push((await change((await signUp(url, mailbox)).accessToken, target, strict.url)).status)
  t.strictSame(statuses, [202, 202, 202, 429, 429])
})

// Last: Redis does not come back.
t.test('while Redis is away the fallback holds: one email an hour from each process', async t => {
  const ada = await signUp(url, mailbox)
  const email = newAddress()
  // Every origin has its own fallback, and any of them may send the email.
  await optional.close()
  await subject.redis.close()
  for (let i = 0; i < 4; i++) t.equal((await registerAs(email)).status, 202)
  await dealt(email)
  const sent = mailbox.messages(email).length
  t.ok(sent >= 1 && sent <= 3, String(sent))
  t.ok(await mailedToken(mailbox, email))
  t.equal((await change(ada.accessToken, newAddress())).status, 202)
  t.equal((await change(ada.accessToken, newAddress())).status, 429)
})
