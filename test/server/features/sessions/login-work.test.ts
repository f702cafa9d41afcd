/** A failed login does the same work for every address, counted in rounds of bcrypt and in round trips. */

import { randomUUID } from 'node:crypto'
import bcrypt from 'bcrypt'
import postgres from 'postgres'
import t from 'tap'
import { openDatabase } from '../../../../db/client.ts'
import { createAuditRows } from '../../../../server/audit/audit-rows.ts'
import { createSessionsService } from '../../../../server/features/sessions/service.ts'
import type { LoginGuard } from '../../../../server/guard/login-guard.ts'
import { deriveKeys } from '../../../../server/lib/crypto/derived-keys.ts'
import { createRefreshTokens } from '../../../../server/lib/crypto/refresh-token.ts'
import { createSealedBox } from '../../../../server/lib/crypto/sealed-box.ts'
import { createDeviceFingerprint } from '../../../../server/lib/devices/device-fingerprint.ts'
import { createDeviceMarks } from '../../../../server/lib/devices/device-mark.ts'
import { createHashQueue } from '../../../../server/lib/passwords/hash-queue.ts'
import { createPasswordHasher } from '../../../../server/lib/passwords/password-hash.ts'
import { success } from '../../../../server/lib/result.ts'
import { countRoundTrips } from '../../../lib/round-trips.ts'
import { migratedDatabase } from '../../../lib/test-engines.ts'

const COST = 7
const [PASSWORD, PENDING, WRONG] = ['Correct-horse-7', 'Pending-horse-8', 'Wrong-horse-9']

const url = await migratedDatabase(t)
const trips = await countRoundTrips(t, url)
const database = openDatabase({ url: trips.url, maxConnections: 1 })
t.teardown(() => database.close())
const sql = postgres(url, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end())

const keys = deriveKeys(['a root secret of this test that is long enough'])
const queue = createHashQueue({ concurrency: 1, maxWaiting: 10 })
const hasherOf = (cost: number, from = keys) => createPasswordHasher({ keys: from, cost, queue })
const box = createSealedBox(keys)
const audit = createAuditRows(box)

/** Admits every attempt. Each failure counts as an attack on the account if a test says so. */
const state = { attacked: false }
const guard: LoginGuard = {
  admit: async () => success(undefined),
  record: async () => ({ answerable: true, accountAttacked: state.attacked }),
  clear: async () => {}
}
const serviceOf = (emailVerification: 'required' | 'optional') =>
  createSessionsService({
    database,
    box,
    audit,
    hasher: hasherOf(COST),
    guard,
    deviceMarks: createDeviceMarks(keys),
    deviceFingerprint: createDeviceFingerprint(keys),
    refreshTokens: createRefreshTokens(keys),
    limits: { refreshGrace: 60, refreshIdleTtl: 600, sessionTtl: 600, rememberedSessionTtl: 600 },
    emailVerification,
    nowMs: Date.now,
    publishEnds: async () => true,
    wakeMail: () => {}
  })
const services = { required: serviceOf('required'), optional: serviceOf('optional') }

/** Rounds of bcrypt so far: 2 to the power of the cost of each comparison, and of each new hash. */
let rounds = 0
const real = { compare: bcrypt.compare, hash: bcrypt.hash }
bcrypt.compare = ((password: string, digest: string) => {
  rounds += 2 ** bcrypt.getRounds(digest)
  return real.compare(password, digest)
}) as typeof bcrypt.compare
bcrypt.hash = ((password: string, cost: number) => {
  rounds += 2 ** cost
  return real.hash(password, cost)
}) as typeof bcrypt.hash
t.teardown(() => Object.assign(bcrypt, real))

interface Stored {
  readonly hash?: string
  readonly verified?: boolean
  readonly disabled?: boolean
  /** The hashes of the waiting registrations, oldest first, and whether they have expired. */
  readonly pending?: readonly string[]
  readonly expired?: boolean
}

async function store({ hash, verified = true, disabled = false, pending = [], expired = false }: Stored) {
  const email = `${randomUUID()}@example.com`
  const now = new Date()
  if (hash !== undefined) {
    const id = randomUUID()
    await sql`insert into users ${sql({
      id,
      email,
      name: 'Ada',
      password_hash: hash,
      role: 'user',
      email_verified: verified,
      disabled_at: disabled ? now : null,
      sealed_audit_key: audit.createKey(id),
      created_at: now,
      updated_at: now
    })}`
  }
  for (const [i, password_hash] of pending.entries()) {
    const created_at = new Date(+now - 1000 + i)
    const expires_at = new Date(expired ? +now - 1 : +now + 600_000)
    await sql`insert into registrations
      ${sql({ id: randomUUID(), email, name: 'Ada', password_hash, created_at, expires_at })}`
  }
  return email
}

const client = { address: '203.0.113.7', userAgent: 'test', requestId: randomUUID() }
const presented = { refreshToken: undefined, deviceMarks: [] }

async function workOf(stored: Stored, password: string, mode: keyof typeof services = 'required') {
  const email = await store(stored)
  const before = { rounds, trips: trips.count() }
  const result = await services[mode].login({ email, password, rememberMe: false }, presented, client)
  return {
    answer: result.ok ? 'signed in' : result.problem,
    hashes: (rounds - before.rounds) / 2 ** COST,
    roundTrips: trips.count() - before.trips
  }
}

const today = await hasherOf(COST).hash(PASSWORD)
const pending = await hasherOf(COST).hash(PENDING)
const lost = await hasherOf(COST, deriveKeys(['a root secret that is lost for good, with its hashes'])).hash(PASSWORD)
const cheaper = await Promise.all([4, 5, 6].map(cost => hasherOf(cost).hash(PASSWORD)))
const imported = await Promise.all([4, 6, COST].map(cost => real.hash(PASSWORD, cost)))

/** Everything that can be stored for an address except waiting registrations. */
const ACCOUNTS: Readonly<Record<string, Stored>> = {
  'an unknown address': {},
  'an account': { hash: today },
  'an account that is not verified': { hash: today, verified: false },
  'a disabled account': { hash: today, disabled: true },
  'an account whose root secret is gone': { hash: lost },
  ...Object.fromEntries(cheaper.map((hash, i) => [`an account at cost ${4 + i}`, { hash }])),
  ...Object.fromEntries(imported.map((hash, i) => [`an imported account, ${i}`, { hash }])),
  'an imported, disabled account': { hash: imported[0] as string, disabled: true }
}

/** The same with waiting registrations: any client can begin one for any address. */
const ALL: Readonly<Record<string, Stored>> = {
  ...ACCOUNTS,
  ...Object.fromEntries(
    Object.entries(ACCOUNTS).flatMap(([name, stored]) => [
      [`${name} and a registration`, { ...stored, pending: [pending] }],
      [`${name} and two registrations`, { ...stored, pending: [today, pending] }],
      [`${name} and an expired registration`, { ...stored, pending: [pending], expired: true }],
      [`${name} and a registration of lower cost`, { ...stored, pending: [cheaper[0] as string] }]
    ])
  )
}

// The first call of each statement also prepares it.
await workOf({}, WRONG)
await workOf({ hash: today }, PASSWORD)

for (const mode of ['required', 'optional'] as const) {
  t.test(`a failed login does the same work for every address, with verification ${mode}`, async t => {
    const expected = await workOf({}, WRONG, mode)
    t.match(expected, { answer: 'invalid-credentials', hashes: mode === 'required' ? 2 : 1 })
    for (const [name, stored] of Object.entries(ALL)) t.strictSame(await workOf(stored, WRONG, mode), expected, name)
    for (const [name, stored] of Object.entries(ALL).filter(([, { disabled }]) => disabled)) {
      if (stored.pending?.includes(cheaper[0] as string)) continue
      t.strictSame(await workOf(stored, PASSWORD, mode), expected, `${name}, with its right password`)
    }
  })
}

t.test('the failure that begins the protection of an account does the same work for every address, too', async t => {
  state.attacked = true
  t.teardown(() => {
    state.attacked = false
  })
  await workOf({}, WRONG)
  const expected = await workOf({}, WRONG)
  for (const [name, stored] of Object.entries(ALL)) t.strictSame(await workOf(stored, WRONG), expected, name)
})

t.test('the right password of a waiting registration does the same work for every address', async t => {
  const waiting = { pending: [pending] }
  const expected = await workOf(waiting, PENDING)
  t.match(expected, { answer: 'email-unverified', hashes: 2 })
  for (const [name, stored] of Object.entries(ACCOUNTS)) {
    t.strictSame(await workOf({ ...stored, ...waiting }, PENDING), expected, name)
  }
  const same = await workOf({ hash: today, disabled: true, pending: [today] }, PASSWORD)
  t.strictSame(same, expected, 'an attacker who registers a disabled account with a guessed password learns nothing')
})

t.test('a login that succeeds costs one hash, and one more if it replaces a weaker one', async t => {
  for (const registrations of [[], [pending], [today, pending]]) {
    t.match(await workOf({ hash: today, pending: registrations }, PASSWORD), { answer: 'signed in', hashes: 1 })
    t.match(await workOf({ hash: imported[2] as string, pending: registrations }, PASSWORD), { hashes: 2 })
  }
  t.match(await workOf({ hash: today }, PASSWORD, 'optional'), { answer: 'signed in', hashes: 1 })
})
