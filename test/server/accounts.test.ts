/** Terms, the export of everything, and the deletion of an account, over HTTP. */

import t from 'tap'
import { call, mailedToken, newAddress, PASSWORD, register, type SignedUp, signUp } from '../lib/person.ts'
import { until } from '../lib/until.ts'
import { openSubject } from './http/subject.ts'

const subject = await openSubject(t)
const { url, mailbox, sql } = subject
const API = '/api/v1'
const me = ({ accessToken: token }: Pick<SignedUp, 'accessToken'>) => call(url, 'GET', `${API}/users/me`, { token })
const login = (email: string, base = url) =>
  call(base, 'POST', `${API}/auth/login`, { body: { email, password: PASSWORD } })
const remove = ({ accessToken: token }: Pick<SignedUp, 'accessToken'>, body: object = { password: PASSWORD }) =>
  call(url, 'DELETE', `${API}/users/me`, { token, body })
const exported = ({ accessToken: token }: Pick<SignedUp, 'accessToken'>) =>
  call(url, 'GET', `${API}/users/me/export`, { token })

t.test('export contains all stored data about a user', async t => {
  const ada = await signUp(url, mailbox)
  await call(url, 'PATCH', `${API}/users/me`, { token: ada.accessToken, body: { name: 'Ada Lovelace' } })
  await call(url, 'POST', `${API}/users/me/email`, {
    token: ada.accessToken,
    body: { password: PASSWORD, email: `new-${ada.email}` }
  })
  const { status, headers, body } = await exported(ada)
  t.equal(status, 200)
  t.match(headers.get('content-disposition'), /^attachment; filename="my-data-\d{4}-\d{2}-\d{2}\.json"$/)
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(body.user, { id: ada.userId, email: ada.email, name: 'Ada Lovelace', emailVerified: true })
  t.match(body.sessions, [{ ipAddress: '127.0.0.1', endedAt: null }])
  t.match(body.pendingLinks, [{ purpose: 'change-email', email: `new-${ada.email}` }])
  t.ok(body.mails.some(({ recipient }: { recipient: string }) => recipient === ada.email))
  const kinds = body.securityEvents.map(({ kind }: { kind: string }) => kind)
  for (const kind of ['account-created', 'email-verified', 'login-succeeded', 'profile-changed', 'data-exported']) {
    t.ok(kinds.includes(kind), kind)
  }
})

t.test('export decrypts what the audit log hides', async t => {
  const ada = await signUp(url, mailbox)
  const { body } = await exported(ada)
  const event = body.securityEvents.find(({ kind }: { kind: string }) => kind === 'login-succeeded')
  t.match(event, { ipAddress: '127.0.0.1', userAgent: /./, outcome: 'success' })
})

t.test('export holds no secret, and nothing about another user', async t => {
  const [ada, eve] = [await signUp(url, mailbox), await signUp(url, mailbox)]
  const text = JSON.stringify((await exported(ada)).body)
  const [row] = await sql`select password_hash from users where id = ${ada.userId}`
  t.notMatch(text, String(row?.password_hash))
  t.notMatch(text, /sealed|token_?hash|passwordHash|\$2[aby]\$/i)
  t.notMatch(text, ada.refreshToken)
  t.notMatch(text, eve.userId)
  t.notMatch(text, eve.email)
})

t.test('deletion needs the password, and a wrong one changes nothing', async t => {
  const ada = await signUp(url, mailbox)
  t.match(await remove(ada, { password: 'Wrong-horse-7' }), { status: 403, body: { code: 'password-incorrect' } })
  t.equal((await me(ada)).status, 200)
  const events = await sql`select kind from audit_events where user_id = ${ada.userId} order by id desc limit 1`
  t.strictSame([...events], [{ kind: 'reauthentication-failed' }])
})

t.test('deletion without a token, or without a valid body, is refused', async t => {
  const ada = await signUp(url, mailbox)
  t.equal((await call(url, 'DELETE', `${API}/users/me`, { body: { password: PASSWORD } })).status, 401)
  for (const body of [{}, { password: 7 }, { password: '' }, { password: null }, { password: PASSWORD, id: 'x' }, []]) {
    t.equal((await remove(ada, body)).status, 422, JSON.stringify(body))
  }
  t.equal((await remove(ada, { password: `${PASSWORD}\0` })).status, 400)
  t.equal((await remove(ada, { password: 'x'.repeat(20_000) })).status, 413)
  t.equal((await me(ada)).status, 200)
})

t.test('deletion ends every session at once, and later sign-ins fail', async t => {
  const ada = await signUp(url, mailbox)
  const phone = (await login(ada.email)).body
  const { status, headers } = await remove(ada)
  t.equal(status, 204)
  t.match(headers.get('set-cookie'), /^__Host-refresh=; Max-Age=0/)
  for (const device of [ada, phone]) {
    t.equal((await me(device)).body.code, 'session-ended')
    const refreshed = await call(url, 'POST', `${API}/auth/refresh`, { body: { refreshToken: device.refreshToken } })
    t.equal(refreshed.body.code, 'refresh-invalid')
  }
  t.equal((await login(ada.email)).body.code, 'invalid-credentials')
})

t.test('deletion is published to the edges', async t => {
  const ada = await signUp(url, mailbox)
  const sids = await sql`select id from sessions where user_id = ${ada.userId}`
  await remove(ada)
  const [row] = await sql`select end_published, end_reason from sessions where id = ${sids[0]?.id}`
  t.match(row, { end_published: true, end_reason: 'account-deleted' })
})

t.test('deletion leaves no trace of the user in any table', async t => {
  const ada = await signUp(url, mailbox)
  await sql`update users set name = 'Augusta-Ada-of-the-test' where id = ${ada.userId}`
  await call(url, 'POST', `${API}/auth/forgot-password`, { body: { email: ada.email } })
  await until('the link is emailed', () => mailbox.messages(ada.email).some(({ text }) => /reset-password#/.test(text)))
  await call(url, 'POST', `${API}/auth/register`, { body: { email: ada.email, password: PASSWORD, name: 'Eve' } })
  t.equal((await remove(ada)).status, 204)
  await until('the last mail is sent', () => mailbox.messages(ada.email).some(({ subject }) => /deleted/.test(subject)))
  const tables = ['users', 'registrations', 'mailed_tokens', 'outbox', 'sessions', 'audit_events']
  await until('the row of the last mail is gone', async () => (await rowsWith(ada.email, tables)).length === 0)
  for (const trace of [ada.email, 'Augusta-Ada']) t.strictSame(await rowsWith(trace, tables), [], trace)
  const left = await sql`select id from sessions where ip_address <> '' and user_id is null`
  t.equal(left.length, 0, 'the rows of the sessions name no address')
})

t.test('deletion keeps the audit log, without the key of its personal data', async t => {
  const ada = await signUp(url, mailbox)
  const before = await sql`select id, sealed_personal from audit_events where user_id = ${ada.userId}`
  await remove(ada)
  const after = await sql`select id, kind, sealed_personal from audit_events where user_id = ${ada.userId} order by id`
  t.equal(after.length, before.length + 1)
  t.equal(after.at(-1)?.kind, 'account-deleted')
  t.equal((await sql`select 1 from users where id = ${ada.userId}`).length, 0, 'the key is gone')
})

t.test('of deletions at once one succeeds, and none is an error of ours', async t => {
  const ada = await signUp(url, mailbox)
  const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await remove(ada)).status))
  t.equal(statuses.filter(status => status === 204).length, 1)
  t.ok(
    statuses.every(status => status === 204 || status === 401),
    String(statuses)
  )
  const notices = await until('the notice is sent', () => {
    const mails = mailbox.messages(ada.email).filter(({ subject }) => /deleted/.test(subject))
    return mails.length > 0 && mails
  })
  t.equal(notices.length, 1)
})

t.test('an address whose account is deleted is free', async t => {
  const ada = await signUp(url, mailbox)
  await remove(ada)
  await call(url, 'POST', `${API}/auth/register`, { body: { email: ada.email, password: PASSWORD, name: 'Ada' } })
  const token = await until('the new link', () =>
    mailbox.messages(ada.email).length >= 3 ? mailedToken(mailbox, ada.email) : undefined
  )
  t.equal((await call(url, 'POST', `${API}/auth/verify-email/${token}`)).status, 200)
  t.equal((await login(ada.email)).status, 200)
})

t.test('with terms, only their current version is accepted, and it is stored', async t => {
  const strict = await subject.another({ TERMS_VERSION: '2026-11' })
  const attempt = (more: object) =>
    call(strict.url, 'POST', `${API}/auth/register`, {
      body: { email: newAddress(), password: PASSWORD, name: 'Ada', ...more }
    })
  for (const more of [{}, { acceptedTermsVersion: '2025-01' }, { acceptedTermsVersion: '' }]) {
    const errors = [{ pointer: '/acceptedTermsVersion' }]
    t.match(await attempt(more), { status: 422, body: { code: 'invalid-request', errors } }, JSON.stringify(more))
  }
  const email = newAddress()
  t.equal((await attempt({ email, acceptedTermsVersion: '2026-11' })).status, 202)
  await call(url, 'POST', `${API}/auth/verify-email/${await mailedToken(mailbox, email)}`)
  const [row] = await sql`select accepted_terms_version from users where email = ${email}`
  t.equal(row?.accepted_terms_version, '2026-11')

  const optional = await subject.another({ TERMS_VERSION: '2026-11', EMAIL_VERIFICATION: 'optional' })
  const at = await call(optional.url, 'POST', `${API}/auth/register`, {
    body: { email: newAddress(), password: PASSWORD, name: 'Ada', acceptedTermsVersion: '2026-11' }
  })
  const [other] = await sql`select accepted_terms_version from users where id = ${at.body.user.id}`
  t.equal(other?.accepted_terms_version, '2026-11')
})

t.test('without terms, a version of terms is refused', async t => {
  const body = { email: newAddress(), password: PASSWORD, name: 'Ada', acceptedTermsVersion: '2026-11' }
  const refused = await call(url, 'POST', `${API}/auth/register`, { body })
  t.match(refused, { status: 422, body: { errors: [{ pointer: '/acceptedTermsVersion' }] } })
})

t.test('a token whose account is gone from the database is refused everywhere', async t => {
  const email = await register(url, mailbox)
  const ada = (await login(email)).body
  await sql`delete from users where id = ${ada.user.id}`
  for (const answer of [await me(ada), await exported(ada), await remove(ada)]) {
    t.match(answer, { status: 401, body: { code: 'session-ended' } })
  }
})

/** Names of the tables that hold `text` in any column. */
async function rowsWith(text: string, tables: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const table of tables) {
    const rows = await sql`select 1 from ${sql(table)} as row where row::text like ${`%${text}%`}`
    if (rows.length > 0) found.push(table)
  }
  return found
}
