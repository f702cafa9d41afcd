/**
 * Housekeeping: outdated rows are removed and others stay, in small batches, by one instance at a time.
 *
 * Over 200 lines: the rows of every table are set up and counted together.
 */

import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { openDatabase } from '../../db/client.ts'
import { tryLock } from '../../db/queries/locks.ts'
import { createHousekeeping } from '../../server/jobs/housekeeping.ts'
import { createId } from '../../server/lib/crypto/ids.ts'
import { appRole, migratedDatabase } from '../lib/test-engines.ts'

const NOW = Date.now()
const SECOND = 1000
const WEEK = 7 * 86_400_000
const DAY = 86_400_000
const RETENTION_MS = 960 * SECOND
const ownerUrl = await migratedDatabase(t)
const sql = postgres(ownerUrl, { max: 2, onnotice: () => {} })
// Uses the application's own role, to prove that it has every right that this needs.
const database = openDatabase({ url: await appRole(t, ownerUrl) })
t.teardown(async () => {
  await database.close()
  await sql.end({ timeout: 1 })
})

const logged: object[] = []
const housekeeping = (batch = 500, nowMs = NOW) =>
  createHousekeeping({
    database,
    retentionMs: RETENTION_MS,
    auditRetentionMs: 365 * DAY,
    nowMs: () => nowMs,
    log: { info: fields => logged.push(fields) },
    batch
  })
const at = (ms: number) => new Date(NOW + ms)

async function addUser(): Promise<string> {
  const id = createId(NOW)
  await sql`insert into users (id, email, name, password_hash, email_verified, sealed_audit_key, created_at, updated_at)
    values (${id}, ${`${id}@example.com`}, 'Ada', '', true, '', now(), now())`
  return id
}

interface SessionTimes {
  readonly begunMs: number
  readonly endedMs?: number
  readonly expiresMs?: number
}

async function addSession(userId: string | null, { begunMs, endedMs, expiresMs = DAY }: SessionTimes): Promise<string> {
  const id = createId(NOW + begunMs)
  await sql`insert into sessions
    (id, user_id, remembered, ip_address, user_agent, created_at, last_used_at, idle_expires_at, expires_at, ended_at)
    values (${id}, ${userId}, false, '', '', ${at(begunMs)}, ${at(begunMs)}, ${at(expiresMs)}, ${at(expiresMs)},
      ${endedMs === undefined ? null : at(endedMs)})`
  return id
}

const sessionsLeft = async (ids: readonly string[]) => {
  const rows = await sql`select id from sessions where id in ${sql(ids)}`
  const left = rows.map(row => row.id)
  return ids.map(id => left.includes(id))
}

t.test('a session that has ended or expired is removed once its access tokens have expired', async t => {
  const ada = await addUser()
  const over = -RETENTION_MS - SECOND
  const ids = [
    await addSession(ada, { begunMs: -9000 * SECOND, endedMs: over }),
    await addSession(ada, { begunMs: -8000 * SECOND, endedMs: -RETENTION_MS + SECOND }),
    await addSession(ada, { begunMs: -7000 * SECOND, expiresMs: over }),
    await addSession(ada, { begunMs: -6000 * SECOND, expiresMs: -RETENTION_MS + SECOND }),
    await addSession(null, { begunMs: -5000 * SECOND, endedMs: over }),
    await addSession(ada, { begunMs: -4000 * SECOND })
  ]
  await housekeeping()()
  t.strictSame(await sessionsLeft(ids), [false, true, false, true, false, true])
})

t.test('the newest session of a user stays, so that a sign-in is known not to be the first', async t => {
  const ada = await addUser()
  const grace = await addUser()
  const over = -RETENTION_MS - SECOND
  const ids = [
    await addSession(ada, { begunMs: -9000 * SECOND, endedMs: over }),
    await addSession(ada, { begunMs: -8000 * SECOND, endedMs: over - 5 * SECOND }),
    await addSession(grace, { begunMs: -9000 * SECOND, expiresMs: over }),
    await addSession(grace, { begunMs: -8000 * SECOND, expiresMs: over - 5 * SECOND })
  ]
  await housekeeping()()
  t.strictSame(await sessionsLeft(ids), [false, true, false, true])
})

t.test('sessions that stay are passed over, in as many batches and rounds as needed', async t => {
  const ids: string[] = []
  for (let i = 0; i < 60; i++)
    ids.push(await addSession(await addUser(), { begunMs: -9000 * SECOND, endedMs: -DAY - i }))
  const ada = await addUser()
  const last = await addSession(ada, { begunMs: -9000 * SECOND, endedMs: -DAY + SECOND })
  await addSession(ada, { begunMs: 0 })
  const tidy = housekeeping(2)
  await tidy()
  t.strictSame(await sessionsLeft([last]), [true], 'one round has its limit')
  await tidy()
  await tidy()
  t.strictSame(await sessionsLeft([last]), [false], 'the next one continues there')
  t.ok((await sessionsLeft(ids)).every(Boolean))
  const early = await addSession(ada, { begunMs: -8000 * SECOND, endedMs: -2 * DAY })
  await tidy()
  await tidy()
  t.strictSame(await sessionsLeft([early]), [false], 'and after the end it begins again')
})

t.test('links are removed when they have expired, registrations a week later', async t => {
  const registration = async (expiresMs: number) => {
    const id = randomUUID()
    await sql`insert into registrations (id, email, name, password_hash, created_at, expires_at)
      values (${id}, 'ada@example.com', 'Ada', '', now(), ${at(expiresMs)})`
    return id
  }
  const link = (registrationId: string, expiresMs: number) =>
    sql`insert into mailed_tokens (token_hash, purpose, registration_id, created_at, expires_at)
      values (${Buffer.from(randomUUID())}, 'verify-email', ${registrationId}, now(), ${at(expiresMs)})`
  const [expired, good] = [await registration(-WEEK - SECOND), await registration(-WEEK + SECOND)]
  await link(expired, SECOND)
  await link(good, -SECOND)
  await link(good, SECOND)
  await housekeeping()()
  t.strictSame(
    (await sql`select id from registrations`).map(row => row.id),
    [good]
  )
  const links = await sql`select registration_id, expires_at from mailed_tokens`
  t.strictSame(
    [...links],
    [{ registration_id: good, expires_at: at(SECOND) }],
    'the link of a registration is removed with it'
  )
})

t.test('an email is removed a week after it was written, if it was sent or given up', async t => {
  const mail = async (writtenMs: number, state: { sent_at?: Date; dead_at?: Date }) => {
    const id = randomUUID()
    await sql`insert into outbox ${sql({
      id,
      kind: 'test',
      recipient: 'ada@example.com',
      parameters: '{}',
      created_at: at(writtenMs),
      due_at: at(DAY),
      expires_at: at(2 * DAY),
      ...state
    })}`
    return id
  }
  const [old, young] = [-7 * DAY - SECOND, -7 * DAY + SECOND]
  await mail(old, { sent_at: at(old) })
  await mail(old, { dead_at: at(old) })
  const kept = [
    await mail(old, {}),
    await mail(young, { sent_at: at(young) }),
    await mail(young, { dead_at: at(young) })
  ]
  await housekeeping()()
  const rows = await sql`select id from outbox order by id`
  t.strictSame(
    rows.map(row => row.id),
    kept.sort()
  )
})

t.test('audit events are removed after AUDIT_RETENTION', async t => {
  for (const [position, days] of [400, 366, 364].entries()) {
    const id = randomUUID()
    await sql`insert into audit_events (id, at, kind, outcome, sealed_personal) values (${id}, ${at(-days * DAY)}, 'logged-out', 'success', '')`
    await sql`insert into audit_chain (position, event_id, event_at, hash) values (${position + 1}, ${id}, ${at(-days * DAY)}, '')`
  }
  await housekeeping(1)()
  t.match(await sql`select at from audit_events`, [{ at: at(-364 * DAY) }])
})

t.test('one instance works at a time and the others skip the round; the number of removed rows is logged', async t => {
  const ada = await addUser()
  const over = await addSession(ada, { begunMs: -9000 * SECOND, endedMs: -RETENTION_MS - SECOND })
  await addSession(ada, { begunMs: 0 })
  await database.transaction(async db => {
    t.ok(await tryLock(db, 'housekeeping'))
    await housekeeping()()
  })
  t.strictSame(await sessionsLeft([over]), [true])
  logged.length = 0
  await Promise.all([housekeeping()(), housekeeping()(), housekeeping()()])
  await housekeeping()()
  t.strictSame(await sessionsLeft([over]), [false])
  t.strictSame(logged, [{ chore: 'ended-sessions', removed: 1 }])
})

t.test('a device is removed thirty days after it was noted', async t => {
  const userId = await addUser()
  for (const days of [29, 31]) {
    await sql`insert into known_devices (user_id, fingerprint, noted_at)
      values (${userId}, ${Buffer.from(String(days))}, ${at(-days * DAY)})`
  }
  await housekeeping()()
  const left = await sql`select fingerprint from known_devices where user_id = ${userId}`
  t.strictSame(
    left.map(({ fingerprint }) => String(fingerprint)),
    ['29']
  )
})
