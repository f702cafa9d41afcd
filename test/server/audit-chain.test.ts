/**
 * The hash chain: every event gets a link, late ones included, and every later change is detected.
 *
 * Over 200 lines: the table of faults stays in one piece.
 */

import { createHash, randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import t from 'tap'
import { type Database, openDatabase, type Queryable } from '../../db/client.ts'
import { insertAuditEvent } from '../../db/queries/audit.ts'
import { readLinks } from '../../db/queries/audit-chain.ts'
import { tryLock } from '../../db/queries/locks.ts'
import { type AuditRow, createAuditRows } from '../../server/audit/audit-rows.ts'
import { createExtendChain } from '../../server/audit/extend-chain.ts'
import { canonicalBytes, linkHash } from '../../server/audit/link-hash.ts'
import { type ChainReport, verifyChain } from '../../server/audit/verify-chain.ts'
import { deriveKeys } from '../../server/lib/crypto/derived-keys.ts'
import { createSealedBox } from '../../server/lib/crypto/sealed-box.ts'
import { EMBEDDED } from '../lib/lanes.ts'
import { emptyDatabase, migratedDatabase } from '../lib/test-engines.ts'

const NOW = Date.parse('2026-11-21T09:00:00.000Z')
const MINUTE = 60_000
const audit = createAuditRows(createSealedBox(deriveKeys(['a root secret for tests, long enough to be one'])))
const client = { address: '203.0.113.7', userAgent: 'test', requestId: randomUUID() }
const server = { ...EMBEDDED, databaseUrl: await emptyDatabase(t) }

const eventAt = (ms: number): AuditRow => audit.event({ kind: 'logged-out', client, atMs: ms })

interface Place {
  readonly database: Database
  readonly logged: { position?: number; hash?: string }[]
  /** Links at the time `atMs` until no event is without a link. @returns the number of linked events */
  extend(atMs?: number): Promise<number>
  write(...times: number[]): Promise<AuditRow[]>
  links(): ReturnType<typeof readLinks>
}

async function openPlace(t: { teardown(work: () => unknown): void }): Promise<Place> {
  const database = openDatabase({ url: await migratedDatabase(t, server) })
  t.teardown(() => database.close())
  const logged: { position?: number; hash?: string }[] = []
  let nowMs = NOW
  const extendChain = createExtendChain({ database, nowMs: () => nowMs, log: { info: fields => logged.push(fields) } })
  return {
    database,
    logged,
    async extend(atMs = NOW) {
      nowMs = atMs
      let linked = 0
      for (let batch = -1; batch !== 0; linked += batch) batch = await extendChain()
      return linked
    },
    async write(...times) {
      const rows = times.map(eventAt)
      for (const row of rows) await database.run(db => insertAuditEvent(db, row))
      return rows
    },
    links: () => database.run(db => readLinks(db, 0, 10_000))
  }
}

t.test('linkHash() is SHA-256 over the previous hash and the length-prefixed columns', async t => {
  const event = {
    id: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f60',
    at: new Date(NOW),
    kind: 'logged-out',
    outcome: 'success',
    userId: null,
    actorId: null,
    sessionId: null,
    requestId: null,
    sealedPersonal: Buffer.from('ü'),
    sealedActor: null
  }
  const text = (value: string) => `${value.length.toString(16).padStart(8, '0')}${Buffer.from(value).toString('hex')}`
  const expected =
    text(event.id) +
    text('2026-11-21T09:00:00.000Z') +
    text('logged-out') +
    text('success') +
    'f'.repeat(32) +
    '00000002c3bc'
  t.equal(canonicalBytes(event).toString('hex'), expected)
  const previous = Buffer.alloc(32, 7)
  const hash = createHash('sha256').update(previous).update(Buffer.from(expected, 'hex')).digest('hex')
  t.equal(linkHash(previous, event).toString('hex'), hash)
  const acted = canonicalBytes({ ...event, sealedActor: Buffer.from('ü') }).toString('hex')
  t.equal(acted, `${expected}00000002c3bc`, 'the part of an administrator follows, if there is one')
  const shifted = { ...event, kind: 'logged-outs', outcome: 'uccess' }
  t.not(linkHash(previous, shifted).toString('hex'), hash, 'a byte cannot move from one column into the next')
})

t.test('every event gets one link, in the order of their times, in as many batches as needed', async t => {
  const place = await openPlace(t)
  const rows = await place.write(NOW - 2, NOW - 3, NOW - 1)
  await place.database.run(db =>
    db.execute(sql`insert into audit_events (id, at, kind, outcome, sealed_personal)
      select gen_random_uuid(), ${new Date(NOW).toISOString()}::timestamptz, 'logged-out', 'success', '' from generate_series(1, 1200)`)
  )
  t.equal(await place.extend(), 1203)
  t.equal(await place.extend(), 0, 'and only once')
  const links = await place.links()
  t.strictSame(
    links.slice(0, 3).map(({ link }) => link.eventId),
    [rows[1], rows[0], rows[2]].map(row => row?.id)
  )
  t.strictSame(
    links.map(({ link }) => link.position),
    links.map((_, i) => i + 1)
  )
  const report = await verifyChain({ database: place.database, nowMs: () => NOW, batch: 100 })
  t.match(report, { intact: true, checked: 1203, anchor: 0, waiting: 0, newest: { position: 1203 } })
})

t.test('an event that is committed late is linked late, up to an hour', async t => {
  const place = await openPlace(t)
  await place.write(NOW)
  await place.extend()
  const [second] = await place.write(NOW - 14_000)
  t.equal(await place.extend(), 1, 'some seconds: in the next round')
  t.equal((await place.links()).at(-1)?.link.eventId, second?.id, 'at the end of the chain')
  await place.write(NOW - 59 * MINUTE)
  t.equal(await place.extend(NOW + 1), 0, 'nearly an hour: not in every round')
  t.equal(await place.extend(NOW + 5 * MINUTE), 1, 'but within five minutes')
  t.match(await verifyChain({ ...place, nowMs: () => NOW }), { intact: true, checked: 3 })

  const [tooLate] = await place.write(NOW - 61 * MINUTE)
  t.equal(await place.extend(NOW + 10 * MINUTE), 0)
  t.match(await verifyChain({ ...place, nowMs: () => NOW }), {
    intact: false,
    fault: 'event-unlinked',
    eventId: tooLate?.id
  })
})

t.test('no event is lost while no instance runs, for hours, nor when a clock is wrong', async t => {
  const place = await openPlace(t)
  await place.write(NOW)
  await place.extend()
  await place.write(NOW + 1000, NOW + 300 * MINUTE)
  t.equal(await place.extend(NOW + 600 * MINUTE), 2, 'after a long silence')
  await place.write(NOW + 6000 * MINUTE)
  t.equal(await place.extend(NOW + 601 * MINUTE), 1, 'an event from the future')
  await place.write(NOW + 602 * MINUTE)
  t.equal(await place.extend(NOW + 602 * MINUTE), 1, 'does not hide those of today')
})

t.test('one instance links at a time, and the others do not wait', async t => {
  const place = await openPlace(t)
  await place.write(NOW)
  await place.database.transaction(async db => {
    t.ok(await tryLock(db, 'audit-chain'))
    t.equal(await place.extend(), 0)
  })
  await place.write(NOW + 1, NOW + 2, NOW + 3)
  const another = () => createExtendChain({ ...place, nowMs: () => NOW, log: { info: () => {} } })()
  const linked = await Promise.all([another(), another(), another(), another()])
  t.equal(
    linked.reduce((sum, one) => sum + one, 0),
    4
  )
  t.match(await verifyChain({ ...place, nowMs: () => NOW }), { intact: true, checked: 4 })
})

t.test('an uncommitted event delays no round, and is linked after it was committed', async t => {
  const place = await openPlace(t)
  await place.write(NOW)
  await place.database.transaction(async db => {
    await insertAuditEvent(db, eventAt(NOW - 1))
    t.equal(await place.extend(), 1)
  })
  t.equal(await place.extend(), 1)
})

t.test('the newest hash is logged periodically: a later cut behind it is detected', async t => {
  const place = await openPlace(t)
  await place.write(NOW)
  await place.extend()
  await place.write(NOW + 1)
  await place.extend(NOW + 5 * MINUTE)
  await place.extend(NOW + 10 * MINUTE)
  t.strictSame(
    place.logged.map(({ position }) => position),
    [1, 2],
    'each once'
  )
  const expected = place.logged.map(({ position = 0, hash = '' }) => ({ position, hash: Buffer.from(hash, 'hex') }))
  for (const one of expected) {
    t.match(await verifyChain({ ...place, nowMs: () => NOW, expected: one }), { intact: true })
  }
  const [first, second] = expected
  t.ok(first && second)
  const foreign = { position: 1, hash: second?.hash ?? Buffer.alloc(0) }
  t.match(await verifyChain({ ...place, nowMs: () => NOW, expected: foreign }), { intact: false, fault: 'unexpected' })
  const cut = await tampered(place, 'delete from audit_chain where position = 2', second)
  t.match(cut, { intact: false, fault: 'unexpected', position: 2 })
})

/** The report after `change` was made past the triggers. The change is rolled back. */
async function tampered(
  { database }: Place,
  change: string,
  expected?: { position: number; hash: Uint8Array }
): Promise<ChainReport | undefined> {
  let report: ChainReport | undefined
  const undo = new Error('undo')
  const within = (db: Queryable): Database => ({ ...database, run: work => work(db) })
  await database
    .transaction(async db => {
      await db.execute(sql.raw('set local session_replication_role = replica'))
      await db.execute(sql.raw(change))
      const nowMs = () => NOW + 200 * MINUTE
      report = await verifyChain({ database: within(db), nowMs, batch: 2, ...(expected ? { expected } : {}) })
      throw undo
    })
    .catch(error => {
      if (error !== undo) throw error
    })
  return report
}

t.test('verifyChain() finds the first fault after each kind of change', async t => {
  const place = await openPlace(t)
  const rows = await place.write(...Array.from({ length: 7 }, (_, i) => NOW + i * 20 * MINUTE))
  await place.extend(NOW + 200 * MINUTE)
  const event = (position: number) => `(select event_id from audit_chain where position = ${position})`
  const table: readonly [string, string, Partial<Extract<ChainReport, { intact: false }>>][] = [
    [
      'another outcome',
      `update audit_events set outcome = 'failure' where id = ${event(3)}`,
      { fault: 'altered', position: 3 }
    ],
    [
      'another time',
      `update audit_events set at = at + interval '1 ms' where id = ${event(1)}`,
      { fault: 'altered', position: 1 }
    ],
    ['another user', `update audit_events set user_id = id where id = ${event(7)}`, { fault: 'altered', position: 7 }],
    [
      'another content',
      `update audit_events set sealed_personal = '\\x00' where id = ${event(2)}`,
      { fault: 'altered', position: 2 }
    ],
    [
      'a part of an administrator slipped in',
      `update audit_events set sealed_actor = '\\x00' where id = ${event(2)}`,
      { fault: 'altered', position: 2 }
    ],
    [
      'another hash',
      `update audit_chain set hash = decode(repeat('00', 32), 'hex') where position = 4`,
      { fault: 'altered', position: 4 }
    ],
    [
      'another time in a link',
      `update audit_chain set event_at = event_at - interval '1 d' where position = 5`,
      { fault: 'altered', position: 5 }
    ],
    [
      'two hashes changed places',
      'update audit_chain c set hash = (select o.hash from audit_chain o where o.position = 5 - c.position) where position in (2, 3)',
      { fault: 'altered', position: 2 }
    ],
    [
      'an event removed',
      `delete from audit_events where id = ${event(4)}`,
      { fault: 'event-missing', position: 4, eventId: rows[3]?.id ?? '' }
    ],
    [
      'the first event removed',
      `delete from audit_events where id = ${event(1)}`,
      { fault: 'event-missing', position: 1 }
    ],
    ['a link removed', 'delete from audit_chain where position = 6', { fault: 'link-missing', position: 6 }],
    ['the first link removed', 'delete from audit_chain where position = 1', { fault: 'link-missing', position: 1 }],
    [
      'an event and its link removed',
      `with e as (delete from audit_events where id = ${event(3)}) delete from audit_chain where position = 3`,
      { fault: 'link-missing', position: 3 }
    ],
    [
      'an old event slipped in',
      `insert into audit_events select gen_random_uuid(), at, kind, outcome, user_id, actor_id, session_id, request_id, sealed_personal from audit_events where id = ${event(1)}`,
      { fault: 'event-unlinked' }
    ]
  ]
  t.match(await verifyChain({ ...place, nowMs: () => NOW }), { intact: true, checked: 7 })
  for (const [what, change, expected] of table) {
    t.match(await tampered(place, change), { intact: false, ...expected }, what)
  }
  t.match(await tampered(place, 'select 1'), { intact: true, checked: 7 })
})

t.test('a chain with a purged beginning verifies from its anchor', async t => {
  const place = await openPlace(t)
  const nowMs = Date.now()
  const daysAgo = (days: number) => nowMs - days * 24 * 60 * MINUTE
  await place.write(...[50, 49, 48, 47, 1].map(daysAgo))
  await place.extend(nowMs)
  await place.database.run(db => db.execute(sql`select purge_audit_events(now() - interval '31 days', 3)`))
  const verify = () => verifyChain({ ...place, nowMs: () => nowMs })
  t.match(await verify(), { intact: true, anchor: 3, checked: 2 })
  await place.write(nowMs)
  await place.extend(nowMs)
  t.match(await verify(), { intact: true, anchor: 3, checked: 3, newest: { position: 6 } })
  await place.database.run(db => db.execute(sql`select purge_audit_events(now() - interval '31 days', 3)`))
  t.match(await verify(), { intact: true, anchor: 4, checked: 2 })
})
