/**
 * Unused links are void after each change that ends the sessions of their account.
 *
 * Over 200 lines: one origin serves every change.
 */

import t from 'tap'
import { call, mailedToken, newAddress, PASSWORD, type SignedUp, signUp } from '../lib/person.ts'
import { until } from '../lib/until.ts'
import { openSubject } from './http/subject.ts'

const subject = await openSubject(t)
const { url, mailbox, sql } = subject
const API = '/api/v1'
const NEW_PASSWORD = 'Another-horse-8'

const verify = (token: string) => call(url, 'POST', `${API}/auth/verify-email/${token}`)
const cancel = (token: string) => call(url, 'POST', `${API}/auth/cancel-email-change/${token}`)
const reset = (token: string) =>
  call(url, 'POST', `${API}/auth/reset-password`, { body: { token, password: NEW_PASSWORD } })
const login = (email: string, password = PASSWORD) =>
  call(url, 'POST', `${API}/auth/login`, { body: { email, password } })
const change = ({ accessToken: token }: Pick<SignedUp, 'accessToken'>, email: string) =>
  call(url, 'POST', `${API}/users/me/email`, { token, body: { email, password: PASSWORD } })

/** The token of the newest emailed link to a page. */
const tokenFor = (email: string, page: string) =>
  until(
    `a link to /${page} is emailed to ${email}`,
    () =>
      mailbox
        .messages(email)
        .flatMap(({ links }) => links)
        .find(link => link.includes(`/${page}#token=`))
        ?.split('#token=')[1]
  )

interface WithLinks extends SignedUp {
  readonly next: string
  /** Submits every link, the most harmful first. */
  readonly submit: () => Promise<{ status: number; body: { code?: string } }[]>
}

/** A user with one unused link of every purpose. */
async function withLinks(): Promise<WithLinks> {
  const ada = await signUp(url, mailbox)
  const next = newAddress()
  await change(ada, next)
  await call(url, 'POST', `${API}/auth/forgot-password`, { body: { email: ada.email } })
  const [changing, cancelling, resetting] = [
    await mailedToken(mailbox, next),
    await tokenFor(ada.email, 'cancel-email-change'),
    await tokenFor(ada.email, 'reset-password')
  ]
  const submit = async () => [await verify(changing), await cancel(cancelling), await reset(resetting)]
  return { ...ada, next, submit }
}

async function newAdmin(): Promise<SignedUp> {
  const person = await signUp(url, mailbox)
  await sql`update users set role = 'admin' where id = ${person.userId}`
  return { ...person, accessToken: (await login(person.email)).body.accessToken }
}

const root = await newAdmin()
const asAdmin = (method: string, path: string, body?: object) =>
  call(url, method, `${API}/admin${path}`, { token: root.accessToken, ...(body ? { body } : {}) })

/** Every change that ends the sessions of an account. */
const ENDS: Readonly<Record<string, (ada: WithLinks) => Promise<{ status: number }>>> = {
  'the user logs out all devices': ada => call(url, 'DELETE', `${API}/auth/sessions/all`, { token: ada.accessToken }),
  'an administrator ends all sessions': ada => asAdmin('DELETE', `/users/${ada.userId}/sessions`),
  'an administrator disables the account': ada => asAdmin('PATCH', `/users/${ada.userId}`, { disabled: true }),
  'the password is changed': ada =>
    call(url, 'POST', `${API}/users/me/password`, {
      token: ada.accessToken,
      body: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
    }),
  'the account is deleted': ada =>
    call(url, 'DELETE', `${API}/users/me`, { token: ada.accessToken, body: { password: PASSWORD } })
}

for (const [what, end] of Object.entries(ENDS)) {
  t.test(`no earlier link works after ${what}`, async t => {
    const ada = await withLinks()
    t.ok((await end(ada)).status < 300)
    for (const answer of await ada.submit()) t.match(answer, { status: 410, body: { code: 'link-expired' } })
    t.equal((await sql`select 1 from users where email = ${ada.next}`).length, 0, 'the address did not change')
    t.equal((await sql`select 1 from mailed_tokens where user_id = ${ada.userId}`).length, 0)
  })
}

t.test('no earlier link works after the address has changed', async t => {
  const ada = await withLinks()
  const [changed, ...others] = await ada.submit()
  t.equal(changed?.status, 200)
  for (const answer of others) t.match(answer, { status: 410, body: { code: 'link-expired' } })
})

t.test('a link of a disabled account is answered like an expired one, and is not used up', async t => {
  const ada = await withLinks()
  await sql`update users set disabled_at = now() where id = ${ada.userId}`
  const before = await sql`select token_hash from mailed_tokens where user_id = ${ada.userId} order by token_hash`
  t.equal(before.length, 3)
  for (const answer of await ada.submit()) t.match(answer, { status: 410, body: { code: 'link-expired' } })
  t.strictSame(
    await sql`select token_hash from mailed_tokens where user_id = ${ada.userId} order by token_hash`,
    before
  )
})

t.test('a link that waits for the lock while the account is disabled is void when it gets the lock', async t => {
  const ada = await withLinks()
  let opened: Promise<{ status: number }[]> | undefined
  await sql.begin(async tx => {
    await tx`select 1 from users where id = ${ada.userId} for update`
    opened = ada.submit()
    await someoneWaits()
    await tx`update users set disabled_at = now() where id = ${ada.userId}`
  })
  t.strictSame(
    (await opened)?.map(({ status }) => status),
    [410, 410, 410]
  )
})

t.test('a change of address requests nothing if its session ends while it waits', async t => {
  const ada = await signUp(url, mailbox)
  let asked: ReturnType<typeof change> | undefined
  await sql.begin(async tx => {
    await tx`select 1 from users where id = ${ada.userId} for update`
    asked = change(ada, newAddress())
    await someoneWaits()
    await tx`update sessions set ended_at = now() where user_id = ${ada.userId}`
  })
  t.match(await asked, { status: 401, body: { code: 'session-ended' } })
  t.equal((await sql`select 1 from mailed_tokens where user_id = ${ada.userId}`).length, 0)
})

t.test('the old address is notified at once, and its link cancels the change', async t => {
  const ada = await signUp(url, mailbox)
  const next = newAddress()
  await change(ada, next)
  const changing = await mailedToken(mailbox, next)
  const token = await tokenFor(ada.email, 'cancel-email-change')
  const [mail] = mailbox.messages(ada.email).filter(({ text }) => text.includes('/cancel-email-change#'))
  t.notMatch(`${mail?.text}${mail?.html}`, next, 'the new address may have been typed by an attacker')
  t.match(mail?.text, /password/, 'it advises to choose a new password')

  t.match(await cancel(token), { status: 200, body: { message: /cancelled/ } })
  t.match(await verify(changing), { status: 410, body: { code: 'link-expired' } })
  t.match(await cancel(token), { status: 410, body: { code: 'link-expired' } }, 'once')
  t.equal((await login(ada.email)).status, 200, 'the account keeps its address and its password')
  t.equal((await call(url, 'GET', `${API}/users/me`, { token: ada.accessToken })).status, 200)
  const kinds = (await sql`select kind from audit_events where user_id = ${ada.userId}`).map(({ kind }) => kind)
  t.ok(kinds.includes('email-change-cancelled'))
})

t.test('each of several cancelling links cancels the pending change', async t => {
  const ada = await signUp(url, mailbox)
  await change(ada, newAddress())
  const first = await tokenFor(ada.email, 'cancel-email-change')
  const next = newAddress()
  await change(ada, next)
  const changing = await mailedToken(mailbox, next)
  t.equal((await cancel(first)).status, 200)
  t.equal((await verify(changing)).status, 410)
  t.equal((await sql`select 1 from mailed_tokens where user_id = ${ada.userId}`).length, 0)
})

t.test('an emailed token works only for its purpose', async t => {
  const ada = await signUp(url, mailbox)
  const next = newAddress()
  await change(ada, next)
  const [changing, cancelling] = [await mailedToken(mailbox, next), await tokenFor(ada.email, 'cancel-email-change')]
  for (const answer of [await verify(cancelling), await reset(cancelling), await cancel(changing)]) {
    t.match(answer, { status: 410, body: { code: 'link-expired' } })
  }
  for (const nonsense of ['x', 'x'.repeat(3000), '%00', '..', '-', "'"]) {
    const { status } = await cancel(nonsense)
    t.ok(status === 410 || status === 400 || status === 404, `${nonsense.slice(0, 9)}: ${status}`)
  }
  t.equal((await verify(changing)).status, 200, 'the refused attempts did not use it up')
})

t.test('of a cancellation and a confirmation at once, one succeeds', async t => {
  for (let round = 0; round < 5; round++) {
    const ada = await signUp(url, mailbox)
    const next = newAddress()
    await change(ada, next)
    const [changing, cancelling] = [await mailedToken(mailbox, next), await tokenFor(ada.email, 'cancel-email-change')]
    const answers = await Promise.all([verify(changing), cancel(cancelling)])
    t.strictSame(answers.map(({ status }) => status).sort(), [200, 410])
  }
})

t.test('the old address gets the same email for a taken address as for a free one', async t => {
  const [ada, eve] = [await signUp(url, mailbox), await signUp(url, mailbox)]
  await change(ada, eve.email)
  t.ok(await tokenFor(ada.email, 'cancel-email-change'))
})

t.test('a cancellation is charged to the quota of emailed tokens', async t => {
  // The other tests have used another window of the quota.
  const strict = await subject.another({ QUOTA_MAILED_TOKENS: '2/7200' })
  const submit = (path: string) => call(strict.url, 'POST', `${API}/auth/${path}/x`)
  const answers = [
    await submit('verify-email'),
    await submit('cancel-email-change'),
    await submit('cancel-email-change')
  ]
  t.strictSame(
    answers.map(({ status }) => status),
    [410, 410, 429]
  )
  t.match(answers[2]?.headers.get('ratelimit'), '"mailed-tokens";r=0;')
})

/** Waits until a statement of the origin waits for a lock. */
const someoneWaits = () =>
  until('a statement waits for a lock', async () => {
    const rows = await sql`select 1 from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    return rows.length > 0
  })
