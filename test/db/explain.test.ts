/** With a hundred thousand rows in every table, every frequent query uses an index. */

import { randomUUID } from 'node:crypto'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import t from 'tap'
import type { Queryable } from '../../db/client.ts'
import * as audit from '../../db/queries/audit.ts'
import * as chain from '../../db/queries/audit-chain.ts'
import * as housekeeping from '../../db/queries/housekeeping.ts'
import { findLoginCandidate } from '../../db/queries/login-candidate.ts'
import { claimDueMails, deleteMailsOf } from '../../db/queries/outbox.ts'
import * as personal from '../../db/queries/personal-data.ts'
import { deleteRegistrationsOf } from '../../db/queries/registrations.ts'
import * as ends from '../../db/queries/session-ends.ts'
import * as sessions from '../../db/queries/sessions.ts'
import * as users from '../../db/queries/users.ts'
import { voidLinksOf } from '../../db/queries/void-links.ts'
import * as schema from '../../db/schema/index.ts'
import { migratedDatabase } from '../lib/test-engines.ts'

const ROWS = 100_000
const NOW = new Date()
const sql = postgres(await migratedDatabase(t), { max: 1, onnotice: () => {} })
t.teardown(() => sql.end({ timeout: 1 }))

/** A UUID derived from a number, in the order of the numbers. */
const ID = `('01970000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid`
const idOf = (i: number) => `01970000-0000-7000-8000-${i.toString(16).padStart(12, '0')}`
const AGO = `now() - i * interval '10 s'`

await sql
  .unsafe(`
  set synchronous_commit = off;
  insert into users (id, email, name, password_hash, role, email_verified, sealed_audit_key, created_at, updated_at)
    select ${ID}, 'person-' || i || '@example.com', 'Name' || i % 1000 || ' Family' || i, repeat('h', 80),
      case when i % 50000 = 0 then 'admin' else 'user' end, true, '', ${AGO}, ${AGO} from generate_series(1, ${ROWS}) i;
  insert into sessions (id, user_id, remembered, ip_address, user_agent, created_at, last_used_at, idle_expires_at, expires_at, ended_at, end_published)
    select ${ID}, ('01970000-0000-7000-8000-' || lpad(to_hex(1 + i % 50000), 12, '0'))::uuid, false, '203.0.113.7', 'test',
      ${AGO}, ${AGO}, ${AGO} + interval '1 d', ${AGO} + interval '1 d', case when i % 2 = 0 then ${AGO} end, i % 2 = 0 from generate_series(1, ${ROWS}) i;
  insert into registrations (id, email, name, password_hash, created_at, expires_at)
    select ${ID}, 'waiting-' || i || '@example.com', 'Ada', repeat('h', 80), ${AGO}, ${AGO} + interval '11 d' from generate_series(1, ${ROWS}) i;
  insert into mailed_tokens (token_hash, purpose, registration_id, created_at, expires_at)
    select sha256(i::text::bytea), 'verify-email', ${ID}, ${AGO}, ${AGO} + interval '11 d' from generate_series(1, ${ROWS}) i;
  insert into outbox (id, kind, recipient, user_id, parameters, created_at, due_at, expires_at, sent_at)
    select ${ID}, 'test', 'person-' || i || '@example.com', ${ID}, '{}', ${AGO}, ${AGO}, now(), case when i > 100 then ${AGO} end
    from generate_series(1, ${ROWS}) i;
  insert into former_addresses (id, user_id, email, until)
    select ${ID}, ${ID}, 'former-' || i || '@example.com', ${AGO} from generate_series(1, ${ROWS}) i;
  insert into known_devices (user_id, fingerprint, noted_at)
    select ${ID}, sha256(i::text::bytea), ${AGO} from generate_series(1, ${ROWS}) i;
  insert into audit_events (id, at, kind, outcome, user_id, sealed_personal)
    select ${ID}, now() - (${ROWS} - i) * interval '10 s', case when i % 1000 = 0 then 'role-changed' else 'login-succeeded' end, 'success',
      ('01970000-0000-7000-8000-' || lpad(to_hex(1 + i % 50000), 12, '0'))::uuid, repeat('s', 120)::bytea from generate_series(1, ${ROWS}) i;
  insert into audit_chain (position, event_id, event_at, hash)
    select i, ${ID}, now() - (${ROWS} - i) * interval '10 s', sha256('') from generate_series(1, ${ROWS} - 20) i;
  analyze`)
  .simple()

/** The plan of each query of `work`, as text. The work is rolled back. */
async function plansOf(work: (db: Queryable) => Promise<unknown>): Promise<string[]> {
  const asked: { query: string; params: unknown[] }[] = []
  const db = drizzle(sql, { schema, logger: { logQuery: (query, params) => asked.push({ query, params }) } })
  const undo = new Error('undo')
  await db
    .transaction(async tx => {
      await work(tx)
      throw undo
    })
    .catch(error => {
      if (error !== undo) throw error
    })
  const plans = asked.map(({ query, params }) => sql.unsafe(`explain ${query}`, params as string[]))
  return (await Promise.all(plans)).map(rows => rows.map(row => row['QUERY PLAN']).join('\n'))
}

const email = 'person-777@example.com'
const later = new Date(NOW.getTime() + 60_000)
const weekAgo = new Date(NOW.getTime() - 7 * 86_400_000)
const place = { at: weekAgo, id: idOf(5) }
const token = {
  sessionId: idOf(7),
  counter: 0,
  now: NOW,
  youngSince: NOW,
  lastsUntil: NOW,
  idleExpiresAt: later,
  rememberedIdleExpiresAt: later
}
const page = { search: undefined, after: undefined, limit: 51 }
const sweep = { before: weekAgo, after: undefined, limit: 500 }
const furtherSweep = { before: NOW, after: place, limit: 500 }
const events = { userId: undefined, kind: undefined, beforeId: undefined, limit: 51 }

const WORK: readonly [string, (db: Queryable) => Promise<unknown>][] = [
  ['a login', db => findLoginCandidate(db, email, NOW)],
  ['a login with an unknown address', db => findLoginCandidate(db, 'unknown@example.com', NOW)],
  ['an address', db => users.findUserByEmail(db, email)],
  ['a refresh', db => sessions.presentRefreshToken(db, token)],
  [
    'first sights',
    db => sessions.confirmRefreshTokens(db, [{ sessionId: idOf(7), counter: 1, issuedAt: NOW }], 30_000)
  ],
  ['a second refresh', db => sessions.findOwnedSession(db, idOf(7))],
  ['the list of sessions', db => sessions.listLiveSessions(db, idOf(7), NOW)],
  ['the end of all sessions', db => ends.endSessionsOf(db, idOf(7), { reason: 'test', now: NOW })],
  ['the cap on sessions', db => ends.endSessionsBeyond(db, idOf(7), 50, NOW)],
  ['unpublished ends', db => ends.findUnpublishedEnds(db, 500)],
  ['the end of the links of an account', db => voidLinksOf(db, idOf(7), NOW)],
  ['the emails of an account', db => personal.listMailsOf(db, idOf(7))],
  ['the registrations of an account', db => personal.listRegistrationsOf(db, idOf(7))],
  ['the former addresses of an account', db => personal.listFormerAddressesOf(db, idOf(7))],
  ['the acts of an administrator', db => audit.listActsOf(db, { userId: idOf(50_000), afterId: idOf(1), limit: 1000 })],
  ['the deletion of the emails of an account', db => deleteMailsOf(db, idOf(7))],
  ['the deletion of its registrations', db => deleteRegistrationsOf(db, idOf(7))],
  ['the claim of emails', db => claimDueMails(db, { now: NOW, leaseUntil: later, limit: 10 })],
  ['the audit log', db => audit.listAuditEvents(db, events)],
  ['its next page', db => audit.listAuditEvents(db, { ...events, beforeId: idOf(50_000) })],
  ['its events of a user', db => audit.listAuditEvents(db, { ...events, userId: idOf(7) })],
  ['its events of a rare kind', db => audit.listAuditEvents(db, { ...events, kind: 'role-changed' })],
  ['users', db => users.listUsers(db, page)],
  ['their next page', db => users.listUsers(db, { ...page, after: { at: NOW, id: idOf(50_000) } })],
  ['a search by family name', db => users.listUsers(db, { ...page, search: 'family777' })],
  ['a search by address', db => users.listUsers(db, { ...page, search: email })],
  ['a search by a common word', db => users.listUsers(db, { ...page, search: 'name' })],
  ['other administrators', db => users.hasOtherAdmin(db, idOf(50_000))],
  ['events without a link', db => chain.findUnlinkedEvents(db, new Date(NOW.getTime() - 3_600_000), 500)],
  ['the newest link', db => chain.findNewestLink(db)],
  ['the youngest event with a link', db => chain.findNewestLinkedAt(db)],
  ['a batch of the chain', db => chain.readLinks(db, 50_000, 1000)],
  ['the link states of a batch of events', db => chain.readLinkStates(db, place, NOW, 1000)],
  ['sessions that have ended', db => housekeeping.sweepSessions(db, { ...sweep, by: 'endedAt' })],
  ['sessions that have ended, further on', db => housekeeping.sweepSessions(db, { ...furtherSweep, by: 'endedAt' })],
  ['sessions that have expired', db => housekeeping.sweepSessions(db, { ...sweep, by: 'expiresAt' })],
  [
    'sessions that have expired, further on',
    db => housekeeping.sweepSessions(db, { ...furtherSweep, by: 'expiresAt' })
  ],
  ['devices noted long ago', db => housekeeping.deleteOldDevices(db, new Date(+NOW - 900_000_000), 500)],
  ['expired links', db => housekeeping.deleteExpiredMailedTokens(db, NOW, 500)],
  ['expired registrations', db => housekeeping.deleteExpiredRegistrations(db, NOW, 500)],
  ['old emails', db => housekeeping.deleteOldMails(db, weekAgo, 500)]
]

for (const [what, work] of WORK) {
  t.test(`${what}: by an index`, async t => {
    const plans = await plansOf(work)
    t.ok(plans.length > 0)
    for (const plan of plans) t.ok(/Index/.test(plan) && !/Seq Scan/.test(plan), plan)
  })
}

t.test('each statement of purge_audit_events() uses an index', async t => {
  const [fn] = await sql`select prosrc from pg_proc where proname = 'purge_audit_events'`
  const statements = [...String(fn?.prosrc).matchAll(/^\t(SELECT|DELETE)[^;]+/gm)].map(([text]) =>
    text
      .replaceAll(/ INTO (anchor|last)\b/g, '')
      .replaceAll(/\bbefore\b/g, `now()`)
      .replaceAll(/\bmax_rows\b/g, '500')
      .replaceAll(/> anchor\b/g, '> 0')
      .replaceAll(/(<=?) last\b/g, '$1 500')
  )
  t.equal(statements.length, 4)
  for (const statement of statements) {
    const rows = await sql.unsafe(`explain ${statement}`)
    const plan = rows.map(row => row['QUERY PLAN']).join('\n')
    t.ok(/Index/.test(plan) && !/Seq Scan/.test(plan), plan)
  }
})

t.test('the search uses its index: query and index share one expression', async t => {
  const [plan = ''] = await plansOf(db => users.listUsers(db, { ...page, search: `family777 ${randomUUID()}` }))
  t.match(plan, 'users_search_idx')
})
