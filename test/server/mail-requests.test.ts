/**
 * How the mail worker handles a request for a link, over a real database: no email, a notice, or exactly one link.
 *
 * Over 200 lines: the table of requests and their results is read in one piece.
 */

import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { openDatabase } from '../../db/client.ts'
import { insertOutboxMail } from '../../db/queries/outbox.ts'
import { endSessionsOf } from '../../db/queries/session-ends.ts'
import { deriveKeys } from '../../server/lib/crypto/derived-keys.ts'
import { hashMailedToken } from '../../server/lib/crypto/mailed-token.ts'
import { createSealedBox } from '../../server/lib/crypto/sealed-box.ts'
import { MAIL_KINDS, type MailKind, noticeMail, outboxMail } from '../../server/lib/mail/outbox-mail.ts'
import { createOutboxPass } from '../../server/mail/outbox-worker.ts'
import type { Envelope } from '../../server/mail/transport.ts'
import { migratedDatabase } from '../lib/test-engines.ts'
import { until } from '../lib/until.ts'

const url = await migratedDatabase(t)
const database = openDatabase({ url })
t.teardown(() => database.close())
const sql = postgres(url, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end())
const box = createSealedBox(deriveKeys(['a root secret for the outbox of this test']))
const START_MS = Date.UTC(2026, 0, 1)
const HOUR_MS = 3_600_000

/** A worker with a manual clock, and a mail server that may be away. */
function worker() {
  const state = { nowMs: START_MS, isDown: false }
  const sent: Envelope[] = []
  const attempted: Envelope[] = []
  const transport = {
    close: () => {},
    send: async (mail: Envelope) => {
      attempted.push(mail)
      if (state.isDown) throw Object.assign(new Error('down'), { code: 'ECONNREFUSED' })
      sent.push(mail)
    }
  }
  const log = { warn: () => {} }
  const nowMs = () => state.nowMs
  const publicUrl = 'https://auth.example.com'
  const pass = createOutboxPass({ database, transport, box, publicUrl, bounds: async () => true, nowMs, log })
  return { state, sent, attempted, pass }
}

/** Puts a request into an outbox that is otherwise empty. */
async function request(kind: MailKind, recipient: string, token?: string): Promise<string> {
  await sql`delete from outbox`
  const order = { kind, recipient, device: 'Words of an attacker/1 (', expiresAt: new Date(START_MS + HOUR_MS) }
  const mail = outboxMail(box, { ...order, ...(token === undefined ? {} : { token }) }, START_MS)
  await database.run(db => insertOutboxMail(db, mail))
  return mail.id
}

async function person({ verified = true, disabled = false, name = 'Ada' } = {}) {
  const [id, email] = [randomUUID(), `${randomUUID()}@example.com`]
  await sql`insert into users ${sql({
    id,
    email,
    name,
    password_hash: 'x',
    role: 'user',
    email_verified: verified,
    disabled_at: disabled ? new Date(START_MS) : null,
    sealed_audit_key: Buffer.alloc(1),
    created_at: new Date(START_MS),
    updated_at: new Date(START_MS)
  })}`
  return { id, email }
}

async function waiting(email: string, expiresMs = START_MS + HOUR_MS): Promise<string> {
  const id = randomUUID()
  await sql`insert into registrations ${sql({
    id,
    email,
    name: 'Words of an attacker',
    password_hash: 'x',
    created_at: new Date(START_MS),
    expires_at: new Date(expiresMs)
  })}`
  return id
}

const rowOf = async (id: string) => (await sql`select * from outbox where id = ${id}`)[0]
const tokenOf = (mail: Envelope | undefined) => /#token=([\w-]+)/.exec(mail?.text ?? '')?.[1]
const stored = async (token: string) =>
  (
    await sql`select purpose, user_id, registration_id, expires_at from mailed_tokens
    where token_hash = ${hashMailedToken(token)}`
  )[0]

t.test(
  'a link is made once: a retry sends the same token, which is stored as a hash and gone once it is sent',
  async t => {
    const ada = await person()
    const id = await request('reset-requested', ada.email)
    const { state, attempted, sent, pass } = worker()
    state.isDown = true
    await pass()
    t.match(await rowOf(id), { kind: 'reset-password', sent_at: null, last_error: 'ECONNREFUSED' })
    state.isDown = false
    state.nowMs += 60_000
    await pass()
    t.equal(attempted.length, 2)
    t.equal(sent.length, 1)
    const token = tokenOf(sent[0]) ?? ''
    t.equal(tokenOf(attempted[0]), token)
    t.match(await stored(token), {
      purpose: 'reset-password',
      user_id: ada.id,
      expires_at: new Date(START_MS + HOUR_MS)
    })
    t.equal((await sql`select 1 from mailed_tokens where user_id = ${ada.id}`).length, 1, 'one token for two attempts')
    t.equal((await rowOf(id))?.sealed_token, null)
  }
)

t.test('two workers that claim the same request at once make one link', async t => {
  const ada = await person()
  await request('reset-requested', ada.email)
  const workers = [worker(), worker(), worker()]
  await Promise.all(workers.map(({ pass }) => pass()))
  t.equal(workers.flatMap(({ sent }) => sent).length, 1)
  t.equal((await sql`select 1 from mailed_tokens where user_id = ${ada.id}`).length, 1)
})

t.test('a request that leads to no email counts as sent, and makes no token', async t => {
  const gone = await person({ disabled: true })
  const requests: readonly [MailKind, string][] = [
    ['reset-requested', `${randomUUID()}@example.com`],
    ['reset-requested', gone.email],
    ['verification-requested', `${randomUUID()}@example.com`],
    ['account-attacked', `${randomUUID()}@example.com`]
  ]
  const [before] = await sql`select count(*)::int as count from mailed_tokens`
  for (const [kind, email] of requests) {
    const id = await request(kind, email)
    const { sent, pass } = worker()
    t.equal(await pass(), 1)
    t.equal(sent.length, 0, kind)
    t.ok((await rowOf(id))?.sent_at, kind)
  }
  t.strictSame((await sql`select count(*)::int as count from mailed_tokens`)[0], before)
})

t.test('a request for verification gets a link for the only registration, even where it has expired', async t => {
  const email = `${randomUUID()}@example.com`
  const registration = await waiting(email, START_MS)
  await request('verification-requested', email)
  const { sent, pass } = worker()
  await pass()
  t.match(await stored(tokenOf(sent[0]) ?? ''), {
    purpose: 'verify-email',
    registration_id: registration,
    user_id: null
  })
  const [row] = await sql`select expires_at from registrations where id = ${registration}`
  t.strictSame(row?.expires_at, new Date(START_MS + HOUR_MS), 'and it waits as long as the link is good')
})

t.test('a request for verification gets no link if two registrations wait, in either order', async t => {
  const email = `${randomUUID()}@example.com`
  await waiting(email)
  await waiting(email)
  await request('verification-requested', email)
  const { sent, pass } = worker()
  await pass()
  t.match(sent, [{ to: email, subject: 'Please register again' }])
  t.equal(tokenOf(sent[0]), undefined)
})

t.test(
  'no link is sent if another registration of the address has expired: the remaining one may be an attack',
  async t => {
    const email = `${randomUUID()}@example.com`
    await waiting(email, START_MS)
    await waiting(email, START_MS + 1000)
    await request('verification-requested', email)
    const { sent, pass } = worker()
    await pass()
    t.equal(tokenOf(sent[0]), undefined)
    t.match(sent[0]?.subject, /register/i)
  }
)

t.test('a request for verification gets a link for an account that is not verified', async t => {
  const ada = await person({ verified: false })
  await request('verification-requested', ada.email)
  const { sent, pass } = worker()
  await pass()
  t.match(await stored(tokenOf(sent[0]) ?? ''), { purpose: 'verify-email', user_id: ada.id })
})

t.test('a request for verification gets an email with the way out if the address already has an account', async t => {
  for (const owner of [
    await person(),
    await person({ disabled: true }),
    await person({ verified: false, disabled: true })
  ]) {
    const [before] = await sql`select count(*)::int as count from mailed_tokens`
    await request('verification-requested', owner.email)
    const { sent, pass } = worker()
    await pass()
    t.match(sent, [{ to: owner.email, subject: 'You already have an account', text: /sign in as usual/ }])
    t.match(sent[0]?.text, 'https://auth.example.com/reset-password\n', 'a page that leads to a new password')
    t.equal(tokenOf(sent[0]), undefined, 'nothing that a link could make true')
    t.strictSame((await sql`select count(*)::int as count from mailed_tokens`)[0], before)
  }
})

t.test('the owner of an address is greeted by name, and sees no text of the client that entered it', async t => {
  const ada = await person()
  for (const kind of ['registration', 'change-email'] as const) {
    await request(kind, ada.email, 'a-token')
    const { sent, pass } = worker()
    await pass()
    t.match(sent, [{ subject: 'You already have an account', text: /^Hello Ada,/ }], kind)
    t.notMatch(sent[0]?.text, /attacker|a-token/)
  }
})

t.test('the link of a change of address is not sent after the change is void', async t => {
  const id = await request('change-email', `${randomUUID()}@example.com`, 'void')
  const { sent, pass } = worker()
  await pass()
  t.equal(sent.length, 0)
  t.match(await rowOf(id), { sealed_token: null })
})

/** Ends all sessions of an account and voids its links, as a logout of all devices does. */
const endAllSessions = (userId: string) =>
  database.transaction(db => endSessionsOf(db, userId, { reason: 'ended', now: new Date(START_MS) }))

t.test('a request that waits for its token gets none after all sessions of the account have ended', async t => {
  for (const kind of ['reset-requested', 'verification-requested'] as const) {
    const ada = await person({ verified: kind === 'reset-requested' })
    const id = await request(kind, ada.email)
    await endAllSessions(ada.id)
    const { sent, pass } = worker()
    t.equal(await pass(), 0, kind)
    t.equal(sent.length, 0)
    t.match(await rowOf(id), { sealed_token: null, last_error: 'its link was made void' })
    t.equal((await sql`select 1 from mailed_tokens where user_id = ${ada.id}`).length, 0)
  }
})

t.test('a link that could not be sent yet is never sent after all sessions of the account have ended', async t => {
  const ada = await person()
  const id = await request('reset-requested', ada.email)
  const { state, sent, pass } = worker()
  state.isDown = true
  await pass()
  t.match(await rowOf(id), { kind: 'reset-password', user_id: ada.id })
  t.ok((await rowOf(id))?.sealed_token)
  await endAllSessions(ada.id)
  state.isDown = false
  state.nowMs += 60_000
  await pass()
  t.equal(sent.length, 0)
  t.match(await rowOf(id), { sealed_token: null, parameters: {} })
})

t.test('notices without a link are sent even after all sessions of the account have ended', async t => {
  const ada = await person()
  await sql`delete from outbox`
  const notice = noticeMail(box, 'password-changed', ada, START_MS)
  await database.run(db => insertOutboxMail(db, notice))
  await endAllSessions(ada.id)
  const { sent, pass } = worker()
  await pass()
  t.equal(sent.length, 1)
})

t.test('a worker that makes a token while all sessions end makes none', async t => {
  const ends: Readonly<Record<string, (tx: postgres.TransactionSql, id: string, mail: string) => Promise<unknown>>> = {
    disabled: (tx, id) => tx`update users set disabled_at = now() where id = ${id}`,
    voided: (tx, _id, mail) => tx`update outbox set dead_at = now() where id = ${mail}`
  }
  for (const [what, end] of Object.entries(ends)) {
    const ada = await person()
    const id = await request('reset-requested', ada.email)
    const { sent, pass } = worker()
    let passed: Promise<number> | undefined
    await sql.begin(async tx => {
      await tx`select 1 from users where id = ${ada.id} for update`
      passed = pass()
      await until('the worker waits', async () => {
        const rows = await tx`select 1 from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`
        return rows.length > 0
      })
      await end(tx, ada.id, id)
    })
    t.equal(await passed, 1)
    t.equal(sent.length, 0, what)
    t.equal((await sql`select 1 from mailed_tokens where user_id = ${ada.id}`).length, 0, what)
  }
})

t.test('an unverified account that is disabled gets no link', async t => {
  const ada = await person({ verified: false, disabled: true })
  await request('verification-requested', ada.email)
  const { sent, pass } = worker()
  await pass()
  t.equal(tokenOf(sent[0]), undefined)
  t.equal((await sql`select 1 from mailed_tokens where user_id = ${ada.id}`).length, 0)
})

t.test('an email about an account that was deleted meanwhile is not written', async t => {
  await sql`delete from outbox`
  const gone = { id: randomUUID(), email: `${randomUUID()}@example.com` }
  await database.run(db => insertOutboxMail(db, noticeMail(box, 'account-attacked', gone, START_MS)))
  t.equal((await sql`select 1 from outbox`).length, 0)
})

t.test('the last email to a recipient leaves no row behind', async t => {
  const id = await request('account-deleted', `${randomUUID()}@example.com`)
  const { sent, pass } = worker()
  await pass()
  t.equal(sent.length, 1)
  t.equal(await rowOf(id), undefined)
})

const MARK = 'Words-of-an-attacker'

/** Every kind of email, with an attacker's text in every field, each to its own recipient. */
async function everyMailTo(recipientOf: () => Promise<string>): Promise<Envelope[]> {
  const envelopes: Envelope[] = []
  for (const kind of MAIL_KINDS) {
    const token = randomUUID()
    const { id: user_id } = await person({ name: MARK })
    const [now, expires_at] = [new Date(START_MS), new Date(START_MS + HOUR_MS)]
    const stored = { token_hash: hashMailedToken(token), purpose: 'change-email', email: `${MARK}@example.com` }
    await sql`insert into mailed_tokens ${sql({ ...stored, user_id, created_at: now, expires_at })}`
    const id = await request(kind, await recipientOf(), token)
    const names = ['name', 'device', 'email', 'newEmail', 'from', 'to', 'label', 'url', 'reason']
    await sql`update outbox set parameters = ${sql.json(Object.fromEntries(names.map(name => [name, MARK])))}
      where id = ${id}`
    const { sent, pass } = worker()
    await pass()
    envelopes.push(...sent)
  }
  return envelopes
}

t.test('no kind of email to an unverified address contains user-supplied text', async t => {
  const subjects = new Set<string>()
  const recipients = {
    'an unverified account': async () => (await person({ verified: false, name: MARK })).email,
    'a disabled, unverified account': async () => (await person({ verified: false, disabled: true, name: MARK })).email,
    'a registration that waits': async () => {
      const email = `${randomUUID()}@example.com`
      await waiting(email)
      await sql`update registrations set name = ${MARK} where email = ${email}`
      return email
    },
    'an address that is not known': async () => `${randomUUID()}@example.com`
  }
  for (const [name, recipientOf] of Object.entries(recipients)) {
    for (const { to, messageId, subject, text, html } of await everyMailTo(recipientOf)) {
      subjects.add(subject)
      t.notMatch([to, messageId, subject, text, html].join('\n'), MARK, `${subject}, to ${name}`)
    }
  }
  t.equal(subjects.size, MAIL_KINDS.length - 3, 'every kind was sent, but for the three that become another one')
})

t.test(
  'an email to a verified address contains the name of its own account, and no other user-supplied text',
  async t => {
    const mails = await everyMailTo(async () => (await person()).email)
    t.ok(mails.length >= MAIL_KINDS.length - 2)
    for (const { subject, text, html } of mails) {
      t.match(text, /^Hello Ada,\n/, subject)
      t.notMatch(subject + text + html, MARK, subject)
    }
  }
)
