/**
 * The personal data of each column: the export contains it, and the deletion removes it.
 *
 * Over 200 lines: the table of all columns is the point, and one user with a history serves every test.
 */

import { randomUUID } from 'node:crypto'
import { getTableColumns, getTableName, is } from 'drizzle-orm'
import { PgTable } from 'drizzle-orm/pg-core'
import t from 'tap'
import * as schema from '../../db/schema/index.ts'
import { call, mailedToken, newAddress, PASSWORD, type SignedUp, signUp } from '../lib/person.ts'
import { until } from '../lib/until.ts'
import { openSubject } from './http/subject.ts'

/**
 * - `exported`: in the export, and removed by the deletion
 * - `exported, stays`: in the export; stays, and identifies no user without the removed columns
 * - `sealed`: decrypted in the export; stays, and is unreadable without the deleted key
 * - `hidden`: a secret, internal, or typed by an unknown client: in no export, and removed by the deletion
 * - `internal`: not personal
 */
type Fate = 'exported' | 'exported, stays' | 'sealed' | 'hidden' | 'internal'

const COLUMNS: Readonly<Record<string, Readonly<Record<string, Fate>>>> = {
  users: {
    id: 'exported, stays',
    email: 'exported',
    name: 'exported',
    password_hash: 'hidden',
    role: 'exported',
    email_verified: 'exported',
    disabled_at: 'exported',
    accepted_terms_version: 'exported',
    sealed_audit_key: 'hidden',
    created_at: 'exported',
    updated_at: 'exported'
  },
  former_addresses: { id: 'hidden', user_id: 'exported, stays', email: 'exported', until: 'exported' },
  // Name, password and terms may come from a client that does not own the address.
  registrations: {
    id: 'hidden',
    email: 'exported',
    name: 'hidden',
    password_hash: 'hidden',
    accepted_terms_version: 'hidden',
    created_at: 'exported',
    expires_at: 'exported'
  },
  mailed_tokens: {
    token_hash: 'hidden',
    purpose: 'exported',
    email: 'exported',
    user_id: 'exported, stays',
    registration_id: 'hidden',
    created_at: 'exported',
    expires_at: 'exported'
  },
  outbox: {
    id: 'hidden',
    kind: 'exported',
    recipient: 'exported',
    user_id: 'exported, stays',
    parameters: 'hidden',
    sealed_token: 'hidden',
    attempts: 'internal',
    last_error: 'internal',
    created_at: 'exported',
    due_at: 'internal',
    expires_at: 'internal',
    sent_at: 'exported',
    dead_at: 'internal'
  },
  sessions: {
    id: 'exported, stays',
    user_id: 'exported, stays',
    refresh_counter: 'internal',
    rotated_at: 'internal',
    refresh_confirmed: 'internal',
    late_handouts: 'internal',
    remembered: 'exported, stays',
    ip_address: 'exported',
    user_agent: 'exported',
    created_at: 'exported, stays',
    last_used_at: 'exported, stays',
    idle_expires_at: 'internal',
    expires_at: 'exported, stays',
    ended_at: 'exported, stays',
    end_reason: 'exported, stays',
    end_published: 'internal'
  },
  // A keyed hash, and the time of a sign-in that the session has as well: both go with the user.
  known_devices: { user_id: 'exported, stays', fingerprint: 'hidden', noted_at: 'internal' },
  audit_events: {
    id: 'exported, stays',
    at: 'exported, stays',
    kind: 'exported, stays',
    outcome: 'exported, stays',
    // The log keeps the id only. The id of another user is in no export.
    user_id: 'internal',
    actor_id: 'internal',
    session_id: 'exported, stays',
    request_id: 'exported, stays',
    sealed_personal: 'sealed',
    sealed_actor: 'sealed'
  },
  audit_chain: { position: 'internal', event_id: 'internal', event_at: 'internal', hash: 'internal' },
  signing_keys: {
    kid: 'internal',
    algorithm: 'internal',
    state: 'internal',
    public_jwk: 'internal',
    sealed_private_key: 'internal',
    created_at: 'internal',
    state_since: 'internal',
    removal_published: 'internal'
  }
}

t.test('the table above contains exactly the columns of the schema', async t => {
  const tables = Object.values(schema).filter(table => is(table, PgTable))
  t.ok(tables.length >= 9, 'the schema is found')
  const columns = tables.flatMap(table =>
    Object.values(getTableColumns(table)).map(column => `${getTableName(table)}.${column.name}`)
  )
  const known = Object.entries(COLUMNS).flatMap(([table, fates]) => Object.keys(fates).map(name => `${table}.${name}`))
  t.strictSame(columns.sort(), known.sort())
})

const { url, mailbox, sql } = await openSubject(t)
const API = '/api/v1'
const ROOT_DEVICE = 'Device-of-Root/1.0'

const ask = (method: string, path: string, token: string, body?: object, device = 'Test/1.0') =>
  call(url, method, API + path, { token, headers: { 'user-agent': device }, ...(body ? { body } : {}) })
const login = async (email: string, device = 'Test/1.0') =>
  (
    await call(url, 'POST', `${API}/auth/login`, {
      headers: { 'user-agent': device },
      body: { email, password: PASSWORD }
    })
  ).body.accessToken as string
const registerAs = (email: string, name: string) =>
  call(url, 'POST', `${API}/auth/register`, { body: { email, name, password: 'Registered-horse-1' } })
const exportOf = async (token: string) => (await ask('GET', '/users/me/export', token)).body
const eventsOf = async (user: string) =>
  (await ask('GET', `/admin/audit-events?user=${user}&limit=100`, root.accessToken, undefined, ROOT_DEVICE)).body.events

async function newAdmin(device: string): Promise<SignedUp> {
  const person = await signUp(url, mailbox)
  await sql`update users set role = 'admin' where id = ${person.userId}`
  return { ...person, accessToken: await login(person.email, device) }
}

/** Waits until every email to an address was sent or given up. */
const emailsDone = (email: string) =>
  until(`every email to ${email} was sent or given up`, async () => {
    const rows = await sql`select 1 from outbox where recipient = ${email} and sent_at is null and dead_at is null`
    return rows.length === 0
  })

async function changeAddress(token: string, email: string): Promise<void> {
  await ask('POST', '/users/me/email', token, { email, password: PASSWORD })
  await call(url, 'POST', `${API}/auth/verify-email/${await mailedToken(mailbox, email)}`)
}

const root = await newAdmin(ROOT_DEVICE)

interface Ada {
  readonly id: string
  /** Text that occurs in no other user's data. */
  readonly name: string
  readonly device: string
  readonly token: string
  readonly eve: SignedUp
  /** Her two former addresses and her present one, oldest first. */
  readonly addresses: readonly [string, string, string]
  /** The address that she has requested. */
  readonly wanted: string
}

/** An administrator with data in every column. */
async function personWithHistory(): Promise<Ada> {
  const mark = randomUUID().slice(0, 8)
  const [name, device] = [`Augusta-${mark}`, `Device-${mark}/1.0`]
  const [{ userId: id, email: first, accessToken }, eve] = [await newAdmin(device), await signUp(url, mailbox)]
  const act = (method: string, path: string, body?: object) => ask(method, path, accessToken, body, device)
  const [second, third, wanted] = [newAddress(), newAddress(), newAddress()]
  await act('PATCH', '/users/me', { name })
  await registerAs(first, `Foreign-${mark} at first`)
  await emailsDone(first)
  await changeAddress(accessToken, second)
  await registerAs(second, `Foreign-${mark} at second`)
  await changeAddress(accessToken, third)
  await registerAs(third, `Foreign-${mark} at third`)
  // Another user gets her former mailbox.
  await registerAs(first, 'Next-holder')
  // Acts of administrators: hers on another user and on the list of users, and another administrator's on her.
  for (const disabled of [true, false]) await act('PATCH', `/admin/users/${eve.userId}`, { disabled })
  await act('GET', '/admin/users?search=augusta')
  await ask('DELETE', `/admin/users/${id}/sessions`, root.accessToken, undefined, ROOT_DEVICE)
  const token = await login(third, device)
  await ask('POST', '/users/me/email', token, { email: wanted, password: PASSWORD })
  await call(url, 'POST', `${API}/auth/forgot-password`, { body: { email: third } })
  for (const email of [first, second, third, wanted]) await emailsDone(email)
  return { id, name, device, token, eve, addresses: [first, second, third], wanted }
}

/** Every row about the user, as it is stored. */
async function rowsAbout({ id, addresses }: Ada): Promise<Readonly<Record<string, Record<string, unknown>[]>>> {
  const waiting = sql`select id from registrations where email in ${sql(addresses)} and name <> 'Next-holder'`
  const tables = {
    users: await sql`select * from users where id = ${id}`,
    former_addresses: await sql`select * from former_addresses where user_id = ${id}`,
    registrations: await sql`select * from registrations where id in (${waiting})`,
    mailed_tokens: await sql`select * from mailed_tokens where user_id = ${id}`,
    outbox: await sql`select * from outbox where user_id = ${id} or (recipient in ${sql(addresses)}
      and not (recipient = ${addresses[0]} and kind = 'registration' and id = (select max(id::text)::uuid from outbox where recipient = ${addresses[0]})))`,
    sessions: await sql`select * from sessions where user_id = ${id}`,
    known_devices: await sql`select * from known_devices where user_id = ${id}`,
    audit_events: await sql`select * from audit_events where user_id = ${id} or actor_id = ${id}`
  }
  return Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, rows.map(row => ({ ...row }))]))
}

/** A value as the export spells it; undefined for values that occur in every document. */
function spelled(value: unknown): string | undefined {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'string' && value !== '' ? JSON.stringify(value) : undefined
}

t.test('the export contains the value of every exported column, and no hidden one', async t => {
  const ada = await personWithHistory()
  const rows = await rowsAbout(ada)
  const document = await exportOf(ada.token)
  const text = JSON.stringify(document)
  for (const [table, found] of Object.entries(rows)) {
    t.ok(found.length > 0, `there are rows in ${table}`)
    for (const [column, fate] of Object.entries(COLUMNS[table] ?? {})) {
      for (const value of found.map(row => row[column])) {
        const word = spelled(value)
        if (word === undefined) continue
        if (fate.startsWith('exported')) t.ok(text.includes(word), `${table}.${column} ${word} is exported`)
        else if (fate === 'hidden') t.notOk(text.includes(word), `${table}.${column} ${word} is not exported`)
      }
    }
  }
  t.ok(
    rows.outbox?.some(row => row.recipient === ada.addresses[0]),
    'emails to a former address are among them'
  )
  t.strictSame(
    document.formerAddresses.map(({ email }: { email: string }) => email),
    ada.addresses.slice(0, 2)
  )
  t.strictSame(
    document.waitingRegistrations.map(({ email }: { email: string }) => email),
    ada.addresses,
    'one for each address, and not the one of the next holder'
  )
})

t.test('the export contains no data of another user', async t => {
  const ada = await personWithHistory()
  const text = JSON.stringify(await exportOf(ada.token))
  for (const foreign of [
    ada.eve.userId,
    ada.eve.email,
    root.userId,
    root.email,
    ROOT_DEVICE,
    'Next-holder',
    'Foreign'
  ]) {
    t.notOk(text.includes(foreign), foreign)
  }
  const ofEve = JSON.stringify(await exportOf(await login(ada.eve.email, 'Device-of-Eve/1.0')))
  t.match(ofEve, /account-disabled/)
  for (const foreign of [ada.id, ada.device, ada.name]) t.notOk(ofEve.includes(foreign), foreign)
})

t.test('the export contains the acts of an administrator, with address and device', async t => {
  const ada = await personWithHistory()
  const { administrativeActs, securityEvents } = await exportOf(ada.token)
  t.match(administrativeActs, [
    { kind: 'account-disabled', ipAddress: '127.0.0.1', userAgent: ada.device, outcome: 'success' },
    { kind: 'account-enabled', ipAddress: '127.0.0.1', userAgent: ada.device }
  ])
  t.equal(administrativeActs.length, 2)
  const own = securityEvents.filter(({ kind }: { kind: string }) => kind === 'users-listed')
  t.match(own, [{ userAgent: ada.device, details: { search: 'augusta' } }])
  const done = securityEvents.filter(({ kind }: { kind: string }) => kind === 'sessions-ended-by-admin')
  t.match(
    done,
    [{ ipAddress: '', userAgent: '' }],
    'where another administrator acted, address and device are that one’s'
  )
})

t.test('after the deletion only the columns that may stay have values', async t => {
  const ada = await personWithHistory()
  const rows = await rowsAbout(ada)
  t.equal((await ask('DELETE', '/users/me', ada.token, { password: PASSWORD })).status, 204)
  await emailsDone(ada.addresses[2])
  const left = await rowsAbout(ada)
  t.strictSame(
    Object.keys(left).filter(table => left[table]?.length !== 0),
    ['audit_events'],
    'only the audit log still knows the id'
  )
  for (const session of rows.sessions ?? []) {
    const [row] = await sql`select user_id, ip_address, user_agent from sessions where id = ${String(session.id)}`
    t.strictSame({ ...row }, { user_id: null, ip_address: '', user_agent: '' })
  }
  // The address of the next holder's registration belongs to that user now.
  for (const trace of [...ada.addresses.slice(1), ada.wanted, ada.name, ada.device, `Foreign-${ada.name.slice(8)}`]) {
    for (const table of Object.keys(COLUMNS)) {
      const found = await sql`select 1 from ${sql(table)} as one where one::text like ${`%${trace}%`}`
      t.equal(found.length, 0, `${trace} is not in ${table}`)
    }
  }
})

t.test('a deletion keeps the data of the next holder of a former address', async t => {
  const ada = await personWithHistory()
  const [first] = ada.addresses
  const token = await mailedToken(mailbox, first)
  await ask('DELETE', '/users/me', ada.token, { password: PASSWORD })
  const waiting = await sql`select name from registrations where email = ${first}`
  t.strictSame([...waiting], [{ name: 'Next-holder' }])
  t.equal((await sql`select 1 from outbox where recipient = ${first}`).length, 1)
  t.equal((await call(url, 'POST', `${API}/auth/verify-email/${token}`)).status, 200)

  const next = await call(url, 'POST', `${API}/auth/login`, { body: { email: first, password: 'Registered-horse-1' } })
  const text = JSON.stringify(await exportOf(next.body.accessToken))
  t.notMatch(
    text,
    /email-changed|password-changed|email-change-requested/,
    'nor does the next holder see what went to her'
  )
})

t.test('after the deletion of an administrator the origin of the acts is unreadable, and the rest stays', async t => {
  const ada = await personWithHistory()
  const acts = async () => (await eventsOf(ada.eve.userId)).filter((one: { actorId: string }) => one.actorId === ada.id)
  t.match(await acts(), [{ ipAddress: '127.0.0.1', userAgent: ada.device }, { userAgent: ada.device }])
  await ask('DELETE', '/users/me', ada.token, { password: PASSWORD })
  const [enabled] = await acts()
  t.match(enabled, {
    kind: 'account-enabled',
    actorId: ada.id,
    ipAddress: null,
    userAgent: null,
    details: { role: 'user' }
  })
  for (const event of await eventsOf(ada.id)) {
    const origin = event.actorId === root.userId ? ROOT_DEVICE : null
    t.match(event, { userAgent: origin, details: null }, 'the acts of another administrator are still shown as theirs')
  }
})

t.test(
  'an old event without a part of the administrator hides the address once the administrator is deleted',
  async t => {
    const [ada, eve] = [await newAdmin('Old/1.0'), await signUp(url, mailbox)]
    // Written as in former versions: everything under the key of the user concerned.
    await sql`insert into audit_events
    select gen_random_uuid(), at, 'account-disabled', outcome, user_id, ${ada.userId}, null, request_id, sealed_personal, null
    from audit_events where user_id = ${eve.userId} and kind = 'login-succeeded'`
    const acts = async () =>
      (await eventsOf(eve.userId)).filter((one: { actorId: string }) => one.actorId === ada.userId)
    t.equal((await acts()).length, 1)
    await ask('DELETE', '/users/me', ada.accessToken, { password: PASSWORD })
    t.match(await acts(), [{ ipAddress: null, userAgent: null }])
  }
)
