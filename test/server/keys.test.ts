/**
 * Signing keys: their states, their rotation, and that every origin follows. One database serves every test.
 *
 * Over 200 lines: one database serves every state of a key, and each step checks the invariants.
 */

import postgres from 'postgres'
import t from 'tap'
import { brokenConstraint, type Database, openDatabase } from '../../db/client.ts'
import { replaceSealedPrivateKey } from '../../db/queries/sealed-keys.ts'
import { removedKeyEntry, removedKeyOf } from '../../edge/contract/redis-keys.ts'
import { createAuditRows } from '../../server/audit/audit-rows.ts'
import { KNOWN_EVERYWHERE_MS, removeKey, rotateKeys } from '../../server/features/keys/rotation.ts'
import { loadKeys } from '../../server/features/keys/service.ts'
import { createHousekeeping } from '../../server/jobs/housekeeping.ts'
import { createReseal } from '../../server/jobs/reseal.ts'
import { deriveKeys } from '../../server/lib/crypto/derived-keys.ts'
import { createId } from '../../server/lib/crypto/ids.ts'
import { createNodeSignaturePort } from '../../server/lib/crypto/node-signature.ts'
import { createSealedBox } from '../../server/lib/crypto/sealed-box.ts'
import { appRole, migratedDatabase } from '../lib/test-engines.ts'

const START = Date.now()
const SECRET = 'a root secret for keys that is long enough'
const OTHER_SECRET = 'another root secret for keys, as long as it'
const CLIENT = { address: 'command line', userAgent: 'gatehouse', requestId: createId(START) }
const RETENTION_MS = 960_000

const ownerUrl = await migratedDatabase(t)
const sql = postgres(ownerUrl, { max: 1, onnotice: () => {} })
// Uses the application's own role, to prove that it has every right that this needs.
const appUrl = await appRole(t, ownerUrl)
const database = openDatabase({ url: appUrl })
t.teardown(async () => {
  await database.close()
  await sql.end({ timeout: 1 })
})

let clockMs = START
const nowMs = () => clockMs
const box = createSealedBox(deriveKeys([SECRET]))
const audit = createAuditRows(box)
const options = { database, box, audit, nowMs }
const open = (over: Database = database) =>
  loadKeys({ database: over, box, signature: createNodeSignaturePort(), nowMs: () => Date.now() })

/** The ids of the keys in each state. */
async function keysByState(): Promise<Record<string, string[]>> {
  const rows = await sql`select kid, state from signing_keys order by created_at, kid`
  return Object.fromEntries(
    ['next', 'active', 'retiring', 'removed'].map(state => [
      state,
      rows.filter(row => row.state === state).map(row => String(row.kid))
    ])
  )
}

/** The active and the next key of a new deployment. */
async function begun(): Promise<{ active: string; next: string }> {
  await open()
  const { active, next } = await keysByState()
  return { active: active?.[0] ?? '', next: next?.[0] ?? '' }
}

async function rotated() {
  const done = await rotateKeys(options, CLIENT, true)
  if (!done.ok) throw new Error('it was urgent')
  return done
}

/** A database that can delay an answer after it was read. */
function createSlowDatabase() {
  let wanted: { read: PromiseWithResolvers<void>; release: PromiseWithResolvers<void> } | undefined
  const slow: Database = {
    ...database,
    run: async work => {
      const held = wanted
      wanted = undefined
      const found = await database.run(work)
      held?.read.resolve()
      await held?.release.promise
      return found
    }
  }
  return {
    database: slow,
    /** Delays the next answer: `read` resolves once it was read, and `release()` delivers it. */
    holdNext() {
      const held = { read: Promise.withResolvers<void>(), release: Promise.withResolvers<void>() }
      wanted = held
      return { read: held.read.promise, release: held.release.resolve }
    }
  }
}

t.beforeEach(async () => {
  clockMs = Date.now()
  await sql`delete from signing_keys`
})

t.test('of several origins that start at once, one creates the active and the next key', async t => {
  const pools = Array.from({ length: 6 }, () => openDatabase({ url: appUrl, maxConnections: 1 }))
  t.teardown(() => Promise.all(pools.map(pool => pool.close())))
  const services = await Promise.all(pools.map(open))
  const { active, next } = await keysByState()
  t.match([active?.length, next?.length], [1, 1])
  for (const service of services) {
    t.equal(service.active().kid, active?.[0])
    t.strictSame(new Set(service.jwks().keys.map(key => key.kid)), new Set([active?.[0], next?.[0]]))
    t.notMatch(JSON.stringify(service.jwks()), /"d"|sealed|PRIVATE/)
  }
})

t.test('where a deployment has no next key, origins that start at once create one', async t => {
  const { active } = await begun()
  await sql`delete from signing_keys where state = 'next'`
  await Promise.all([open(), open(), open()])
  const now = await keysByState()
  t.strictSame(now.active, [active])
  t.equal(now.next?.length, 1)
})

t.test(
  'the database holds one active and one next key, and a private part of every key that is not removed',
  async t => {
    await begun()
    const insert = (state: string, sealed: Buffer | null) =>
      sql`insert into signing_keys (kid, algorithm, state, public_jwk, sealed_private_key, created_at, state_since)
      values (${createId(START)}, 'ES256', ${state}, '{}', ${sealed}, now(), now())`.then(
        () => 'nothing',
        brokenConstraint
      )
    const some = Buffer.from('sealed')
    t.equal(await insert('active', some), 'signing_keys_one_active_idx')
    t.equal(await insert('next', some), 'signing_keys_one_next_idx')
    t.equal(await insert('retiring', some), 'nothing')
    t.equal(await insert('retiring', null), 'signing_keys_private_part_check')
    t.equal(await insert('removed', some), 'signing_keys_private_part_check')
    t.equal(await insert('removed', null), 'nothing')
  }
)

t.test('rotateKeys() refuses until every edge knows the next key, and not a millisecond longer', async t => {
  const { active, next } = await begun()
  const [row] = await sql`select created_at from signing_keys where state = 'next'`
  clockMs = row?.created_at.getTime() + KNOWN_EVERYWHERE_MS - 1
  t.match(await rotateKeys(options, CLIENT, false), { ok: false, next: { kid: next }, waitMs: 1 })
  t.match(await keysByState(), { active: [active], next: [next], retiring: [] })
  clockMs += 1
  t.match(await rotateKeys(options, CLIENT, false), { ok: true, active: { kid: next }, retiring: { kid: active } })
  t.match(await keysByState(), { active: [next], retiring: [active] })
  t.equal(KNOWN_EVERYWHERE_MS, 600_000, 'five minutes in caches, five in the memory of an edge')
})

t.test('rotateKeys() moves every key one state on, and a new next is published', async t => {
  const { active, next } = await begun()
  const service = await open()
  const done = await rotated()
  t.match(await keysByState(), { active: [next], next: [done.next.kid], retiring: [active], removed: [] })
  t.notOk([active, next].includes(done.next.kid))
  t.equal(service.active().kid, active, 'an origin that has not read yet signs with the former key')
  await service.reload()
  t.equal(service.active().kid, next)
  t.strictSame(
    service
      .jwks()
      .keys.map(key => key.kid)
      .sort(),
    [active, next, done.next.kid].sort()
  )
})

t.test('rotations at once run one after the other', async t => {
  const { active, next } = await begun()
  const done = await Promise.all([rotated(), rotated(), rotated()])
  const now = await keysByState()
  t.strictSame([now.active?.length, now.next?.length], [1, 1])
  t.strictSame(new Set(done.map(one => one.retiring.kid)).size, 3, 'each retired another key')
  t.ok(now.retiring?.includes(active) && now.retiring.includes(next))
})

t.test('removeKey() of the active key lets the next one sign, and creates a new next', async t => {
  const { active, next } = await begun()
  t.match(await removeKey(options, CLIENT, active), { removed: { state: 'active' }, active: { kid: next } })
  const now = await keysByState()
  t.match(now, { active: [next], retiring: [], removed: [active] })
  t.equal(now.next?.length, 1)
  t.notOk([active, next].includes(now.next?.[0] ?? ''))
})

t.test('removeKey() of the active key works without a next key', async t => {
  const { active } = await begun()
  await sql`delete from signing_keys where state = 'next'`
  t.ok(await removeKey(options, CLIENT, active))
  const now = await keysByState()
  t.strictSame([now.active?.length, now.next?.length, now.removed], [1, 1, [active]])
})

t.test('removeKey() of the next or of a retiring key does not change the active one', async t => {
  const { active: first, next: second } = await begun()
  const third = (await rotated()).next.kid
  t.match(await removeKey(options, CLIENT, third), { removed: { state: 'next' }, active: { kid: second } })
  t.match(await removeKey(options, CLIENT, first), { removed: { state: 'retiring' }, active: { kid: second } })
  const now = await keysByState()
  t.strictSame(now.active, [second])
  t.equal(now.next?.length, 1)
  t.strictSame(now.removed?.sort(), [first, third].sort())
})

t.test('removeKey() refuses a removed key and an unknown one', async t => {
  const { active } = await begun()
  t.equal(await removeKey(options, CLIENT, 'nothing'), undefined)
  t.ok(await removeKey(options, CLIENT, active))
  const before = await keysByState()
  t.equal(await removeKey(options, CLIENT, active), undefined)
  t.strictSame(await keysByState(), before)
})

t.test('a removed key is wiped, not published and not accepted; its replacement is', async t => {
  const { active, next } = await begun()
  const service = await open()
  t.ok(await service.find(active, Date.now()))
  await removeKey(options, CLIENT, active)
  await service.reload()
  t.equal(await service.find(active, Date.now()), undefined)
  t.ok(await service.find(next, Date.now()))
  t.notOk(service.jwks().keys.some(key => key.kid === active))
  t.strictSame(await sql`select sealed_private_key from signing_keys where kid = ${active}`.then(rows => [...rows]), [
    { sealed_private_key: null }
  ])
  const later = await open()
  t.equal(later.active().kid, next, 'an origin that starts later does not know it')
  t.equal(await later.find(active, Date.now()), undefined)
})

t.test('with the root secrets of another deployment no key is changed', async t => {
  const { active, next } = await begun()
  const foreign = createSealedBox(deriveKeys([OTHER_SECRET]))
  const wrong = { ...options, box: foreign, audit: createAuditRows(foreign) }
  const before = await keysByState()
  await t.rejects(rotateKeys(wrong, CLIENT, true), /ROOT_SECRETS/)
  for (const kid of [active, next]) await t.rejects(removeKey(wrong, CLIENT, kid), /ROOT_SECRETS/)
  t.strictSame(await keysByState(), before)
})

t.test('a key of another origin is found at once, even if this one has just read the keys', async t => {
  await begun()
  const service = await open()
  for (let i = 0; i < 3; i++) {
    t.equal(await service.find(`unknown-${i}`, Date.now()), undefined)
    const { next } = await rotated()
    t.ok(await service.find(next.kid, Date.now()), 'although it was created after the last read')
  }
})

t.test('a look-up of an unknown key during a read waits for the next read', async t => {
  await begun()
  const slow = createSlowDatabase()
  const service = await open(slow.database)
  const held = slow.holdNext()
  const early = service.find('unknown', Date.now())
  await held.read
  const { next } = await rotated()
  const late = service.find(next.kid, Date.now())
  held.release()
  t.equal(await early, undefined)
  t.ok(await late, 'the read under way could not know it')
})

t.test('many look-ups of unknown keys cause few reads', async t => {
  await begun()
  let reads = 0
  const counting: Database = {
    ...database,
    run: work => {
      reads += 1
      return database.run(work)
    }
  }
  const service = await open(counting)
  reads = 0
  const asked = Array.from({ length: 500 }, (_, i) => service.find(`unknown-${i}`, Date.now()))
  t.ok((await Promise.all(asked)).every(key => key === undefined))
  t.equal(reads, 1)
})

t.test('a read that was overtaken does not bring back a key that a newer one has seen removed', async t => {
  const { active } = await begun()
  const slow = createSlowDatabase()
  const service = await open(slow.database)
  await rotated()
  const held = slow.holdNext()
  const overtaken = service.reload()
  await held.read
  await removeKey(options, CLIENT, active)
  await service.reload()
  held.release()
  await overtaken
  t.equal(await service.find(active, Date.now()), undefined)
})

t.test('unchanged keys stay the same objects over every read', async t => {
  const { active } = await begun()
  const service = await open()
  const before = await service.find(active, Date.now())
  await service.reload()
  await rotated()
  await service.reload()
  t.equal(await service.find(active, Date.now()), before)
})

t.test('housekeeping deletes a retiring key after its last token, a removed one after the retention', async t => {
  const { active, next } = await begun()
  const done = await rotated()
  await removeKey(options, CLIENT, done.next.kid)
  const tidyAfter = (ms: number) =>
    createHousekeeping({
      database,
      retentionMs: RETENTION_MS,
      auditRetentionMs: 365 * 86_400_000,
      nowMs: () => clockMs + ms,
      log: { info: () => {} }
    })()
  const left = async () => (await sql`select kid from signing_keys`).map(row => row.kid)
  await tidyAfter(RETENTION_MS)
  t.ok((await left()).includes(done.next.kid))
  await tidyAfter(RETENTION_MS + 1)
  t.notOk((await left()).includes(done.next.kid), 'the removed one is gone')
  await tidyAfter(RETENTION_MS + 5_000)
  t.ok((await left()).includes(active), 'its last token is accepted for the tolerated difference of clocks')
  await tidyAfter(RETENTION_MS + 5_001)
  t.notOk((await left()).includes(active))
  await tidyAfter(300 * 86_400_000)
  t.match(await keysByState(), { active: [next], retiring: [], removed: [] }, 'active and next keys stay')
  t.equal((await keysByState()).next?.length, 1)
})

t.test('each change is recorded in its transaction, and a refused change is not', async t => {
  const { active, next } = await begun()
  const events = async () => {
    const rows = await sql`select id, user_id, actor_id, kind, outcome, sealed_personal from audit_events order by id`
    return rows.map(({ id, user_id: userId, sealed_personal: sealedPersonal, ...row }) => ({
      ...row,
      ...audit.unsealPersonal({ id, userId, sealedPersonal }, undefined)
    }))
  }
  const before = (await events()).length
  await rotateKeys(options, CLIENT, false)
  await removeKey(options, CLIENT, 'nothing')
  t.equal((await events()).length, before)
  clockMs = Date.now() + KNOWN_EVERYWHERE_MS
  await rotateKeys(options, CLIENT, false)
  clockMs += 1
  await removeKey(options, CLIENT, active)
  const by = { outcome: 'success', actor_id: null, ipAddress: 'command line', userAgent: 'gatehouse' }
  t.match((await events()).slice(before), [
    { ...by, kind: 'key-rotated', details: { kid: next, retiring: active } },
    { ...by, kind: 'key-removed', details: { kid: active, state: 'retiring', active: next } }
  ])
})

t.test('sealing again skips removed keys, and never restores a private part', async t => {
  const { active, next } = await begun()
  const done = await rotated()
  const [old] = await sql`select sealed_private_key as sealed from signing_keys where kid = ${done.next.kid}`
  await removeKey(options, CLIENT, active)
  const newer = createSealedBox(deriveKeys([OTHER_SECRET, SECRET]))
  const logged: object[] = []
  const reseal = createReseal({ database, box: newer, log: { info: fields => logged.push(fields) } })
  await reseal()
  t.strictSame(logged, [{ signingKeys: 2, auditKeys: 0 }])
  await reseal()
  t.equal(logged.length, 1, 'no key is left to seal')
  const rows = await sql`select kid, encode(substring(sealed_private_key from 1 for 4), 'hex') as id from signing_keys`
  t.strictSame(new Map(rows.map(row => [row.kid, row.id])).get(active), null)
  t.equal(rows.filter(row => row.id === newer.newestKeyId).length, 2)

  await removeKey({ ...options, box: newer }, CLIENT, done.next.kid)
  await database.run(db => replaceSealedPrivateKey(db, done.next.kid, { from: old?.sealed, to: Buffer.from('again') }))
  const [removed] = await sql`select sealed_private_key from signing_keys where kid = ${done.next.kid}`
  t.equal(removed?.sealed_private_key, null, 'it was removed between the read and the write')
  t.strictSame((await keysByState()).active, [next])
})

t.test('removedKeyOf() is the inverse of removedKeyEntry(), and does not mistake a session for a key', async t => {
  for (const kid of ['bS6yQ0T9k2QfZJvX', '', 'key:', '-_', '__proto__'])
    t.equal(removedKeyOf(removedKeyEntry(kid)), kid)
  for (const entry of ['', 'key', 'KEY:x', createId(START)]) t.equal(removedKeyOf(entry), undefined, entry)
})
