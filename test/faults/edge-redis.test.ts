/**
 * The edge when Redis is away, is slow or answers nonsense: it uses fallback quotas, trusts a view for a bounded time,
 * and then refuses.
 */

import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { createAdmission } from '../../edge/admission/admission.ts'
import { quotaPolicy } from '../../edge/contract/quota-policy.ts'
import { createRevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { createRevocationView } from '../../edge/revocation/revocation-view.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { type Edge, openSurroundings, PLACES } from '../edge/lib/edge-places.ts'
import { redisEndpoint } from '../lib/test-engines.ts'
import { until } from '../lib/until.ts'
import { NO_GRANT, NONSENSE, openFaultyRedis } from './lib/faulty-redis.ts'

const T0 = 1_800_000_000_000
/** A call without an answer by then has failed. Long enough for real answers on a slow machine. */
const DEADLINE_MS = 400
/** Two attempts, each with its deadline, on a slow machine. */
const PATIENCE_MS = 10 * DEADLINE_MS
const ADDRESS = { name: 'address', policy: quotaPolicy(20, 60), subject: '192.0.2.1' }
const CHARGES = [ADDRESS]
const SESSION = { sid: '0199a8d4-1c00-7000-8000-0000000000b2', kid: 'k' }
/** The ways in which Redis fails. */
const ROWS = ['no answer', 'a connection that is cut', 'status 429', 'status 500', 'a page', 'truncated JSON'] as const

/** An admission on the test's clock, over a real Redis with answers that the test can replace. */
async function openAdmission(t: Test) {
  const real = await redisEndpoint(t)
  // A long deadline: a busy machine must not fail the preparation of a test.
  const feed = createRevocationFeed(openRedis({ ...real, deadlineMs: 30_000 }), 960_000)
  await feed.rebuild(randomUUID(), async () => [])
  const redis = await openFaultyRedis(t, undefined, real)
  const clock = { nowMs: T0 }
  const failures: string[] = []
  const nowMs = () => clock.nowMs
  const view = createRevocationView({ maxAgeMs: 1000, retentionMs: 960_000, onKeyRemoved: () => {} })
  const admission = createAdmission({
    redis: openRedis({ ...redis, deadlineMs: DEADLINE_MS }),
    view,
    nowMs,
    maxSubjects: 100,
    fallbackShare: 0.2,
    breakerResetMs: 250,
    onStoreFailure: error => failures.push(error.message)
  })
  let behind: Promise<unknown> = Promise.resolve()
  const begin = (charges = CHARGES) => {
    const background = (work: Promise<unknown>) => {
      behind = work
    }
    const conversation = admission.begin({ charges, begunAtMs: clock.nowMs, background })
    conversation.identify(SESSION, [])
    return conversation
  }
  /** Admits a request that begins at `atMs`, and waits for its background work. */
  const ask = async (atMs: number) => {
    clock.nowMs = atMs
    const conversation = begin()
    await conversation.ready()
    const { ok: allowed } = conversation.charge('fallback')
    const session = conversation.sessionStatus()
    await behind
    return { allowed, session }
  }
  return { begin, ask, redis, failures, clock }
}

for (const [what, fault] of Object.entries({ ...NONSENSE, ...NO_GRANT })) {
  t.test(`an edge that has never reached Redis uses fallback quotas, and trusts no session: ${what}`, async t => {
    const { begin, ask, redis, failures, clock } = await openAdmission(t)
    redis.fault = fault
    const beganMs = performance.now()
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(T0)))
    t.ok(performance.now() - beganMs < PATIENCE_MS, 'within the deadline')
    t.equal(answers.filter(({ allowed }) => allowed).length, 4, 'a fifth of twenty')
    t.ok(answers.every(({ session }) => session === 'unknown'))
    t.match(begin([{ ...ADDRESS, subject: 'b' }]).charge('refuse'), {
      problem: 'unavailable',
      quotas: []
    })
    t.equal(failures.length, 1, 'and they waited for one call together')
    t.notMatch(failures.join('\n'), /192\.0\.2\.1|a-secret-token|local quota/, 'no address, token or script in the log')

    redis.fault = undefined
    clock.nowMs = T0 + 250
    await ask(T0 + 250)
    t.match(await ask(T0 + 251), { allowed: true, session: 'live' }, 'one request has probed Redis behind itself')
  })

  t.test(`a known session is trusted for a second, and then its status is unknown: ${what}`, async t => {
    const { ask, redis } = await openAdmission(t)
    t.match(await ask(T0), { session: 'live' })
    redis.fault = fault
    for (const atMs of [T0 + 1, T0 + 500, T0 + 501, T0 + 1000]) t.match(await ask(atMs), { session: 'live' }, `${atMs}`)
    t.match(await ask(T0 + 1001), { session: 'unknown' }, 'not a millisecond longer')
    redis.fault = undefined
    await ask(T0 + 2000)
    t.match(await ask(T0 + 2001), { session: 'live' })
  })
}

for (const place of PLACES) {
  for (const row of ROWS) {
    t.test(`the Worker in ${place.name}: ${row}`, async t => {
      const { bindings, origin, redis: real, token } = await openSurroundings(t)
      const redis = await openFaultyRedis(t, undefined, real)
      const settings = {
        ...bindings,
        UPSTASH_REDIS_REST_URL: redis.url,
        EDGE_QUOTA_ADDRESS: '100/60',
        EDGE_QUOTA_USER: '1000000/60'
      }
      const edge = await place.open(t, { ...settings, DEBUG_HEADERS: 'true' })
      const ask = protectedRequest(edge, token())
      // On a busy machine a cold edge may miss its first deadline.
      await until('the edge is warm', async () => (await ask()).status === 200)

      redis.fault = NONSENSE[row]
      let served = 0
      const refused = await until('the view is too old', async () => {
        const response = await ask()
        if (response.status === 503) return response
        const ageMs = Number(response.headers.get('x-auth-revocation-age'))
        if (response.status === 200 && ageMs <= 2_000) served++
        else t.fail(`${response.status} from a view of ${ageMs} ms`)
        return undefined
      })
      t.ok(served > 0, `${served} requests were served until then`)
      t.match(await refused.json(), { code: 'unavailable', status: 503 })
      t.equal(refused.headers.get('retry-after'), '1')

      const before = origin.requests.length
      const statuses = await Promise.all(
        Array.from({ length: 30 }, (_, i) => edge.send('/health/live', from(`198.51.100.${i % 2}`)))
      ).then(all => all.map(({ status }) => status))
      t.equal(statuses.filter(status => status === 200).length, 20, 'a tenth of the quota for each of two clients')
      t.equal(statuses.filter(status => status === 429).length, 10)
      t.equal(origin.requests.length - before, 20)
      const forged = await edge.send('/api/v1/users/me', { headers: { authorization: 'Bearer a.b.c' } })
      t.equal(forged.status, 401, 'a forgery is still refused as one')

      redis.fault = undefined
      await until('Redis is found again', async () => (await ask()).status === 200)
    })
  }

  t.test(`the Worker in ${place.name}: a Redis that was flushed`, async t => {
    const { bindings, redis, token } = await openSurroundings(t)
    const edge = await place.open(t, bindings)
    const ask = protectedRequest(edge, token())
    await until('the edge is warm', async () => (await ask()).status === 200)
    const client = openRedis(redis)
    await client.flushall()
    const refused = await until('the loss is noticed', async () => {
      const response = await ask()
      return response.status === 200 ? undefined : response
    })
    t.match(await refused.json(), { code: 'unavailable', status: 503 })
    t.equal((await edge.send('/health/live')).status, 200, 'public routes need no view')
    t.equal((await ask()).status, 503, 'and it stays closed')
    await createRevocationFeed(client, 960_000).rebuild(randomUUID(), async () => [])
    await until('the set is whole again', async () => (await ask()).status === 200)
  })
}

const from = (address: string): RequestInit => ({ headers: { 'cf-connecting-ip': address } })

/** Sends each request from a new address, so that no fallback quota refuses it. */
function protectedRequest(edge: Edge, token: string): () => Promise<Response> {
  const address = () => `203.0.113.${Math.floor(Math.random() * 256)}`
  return () =>
    edge.send('/api/v1/users/me', { headers: { authorization: `Bearer ${token}`, 'cf-connecting-ip': address() } })
}
