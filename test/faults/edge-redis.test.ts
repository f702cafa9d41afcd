/** The edge when Redis is away, slow or talks nonsense: a stricter floor, a plain refusal, never an exception. */

import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { quotaPolicy } from '../../edge/contract/policies.ts'
import { createRedisLimiter, type Verdict } from '../../edge/limiter/redis-limiter.ts'
import { createRevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { createRevocationView } from '../../edge/revocation/revocation-view.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { openSurroundings, PLACES } from '../edge/lib/edge-places.ts'
import type { Teardown } from '../lib/test-engines.ts'

const T0 = 1_800_000_000_000
const BACK_OFF_MS = 1000
/** A call that is not answered by then has failed. Long enough for the answers that do come, on any machine. */
const DEADLINE_MS = 400
/** No call may take longer: two tries, each with its deadline, and a slow machine. */
const PATIENCE_MS = 10 * DEADLINE_MS

type Answer = (response: ServerResponse) => void

/** A Redis endpoint that answers as the test says. */
async function openHostileRedis(t: Teardown, first: Answer) {
  const hostile = { answer: first, calls: 0, url: '', token: 'a secret token' }
  const listener: RequestListener = (request, response) => {
    request.resume().on('end', () => {
      hostile.calls++
      hostile.answer(response)
    })
  }
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  hostile.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return hostile
}

const text =
  (body: string, status = 200, type = 'application/json'): Answer =>
  response =>
    response.writeHead(status, { 'content-type': type }).end(body)
const result = (value: unknown) => text(JSON.stringify({ result: value }))
const hang: Answer = () => {}

/** Nothing in here is an answer to any script. */
const NONSENSE: Readonly<Record<string, Answer>> = {
  'a page': text('<!doctype html><title>Sign in to the Wi-Fi</title>', 200, 'text/html'),
  'a page with status 502': text('<html>Bad gateway</html>', 502, 'text/html'),
  'status 429': text('{"error":"ERR max requests limit exceeded"}', 429),
  'status 500': text('{"error":"ERR internal"}', 500),
  'status 500 and nothing': text('', 500),
  'status 401': text('{"error":"Unauthorized"}', 401),
  'status 204': response => response.writeHead(204).end(),
  'truncated JSON': text('{"result":[1,'),
  'no JSON': text('OK', 200, 'text/plain'),
  nothing: text(''),
  'an array': text('[]'),
  'an empty object': text('{}'),
  null: text('null'),
  'an error with status 200': text('{"error":"LOADING Redis is loading the dataset in memory"}'),
  'NOSCRIPT, always': text('{"error":"NOSCRIPT No matching script."}', 400),
  'no result': result(null),
  'a text': result('T0s='),
  'a number': result(1),
  'an empty list': result([]),
  'a list of lists': result([[1, 5, 0]]),
  'a list of nulls': result([null, null, null]),
  'a list that begins with true': result([true, null, null]),
  'two numbers': result([1, 5]),
  'four numbers': result([1, 5, 0, 0]),
  fractions: result([1, 0.5, 0]),
  'a redirect to itself': response => response.writeHead(307, { location: '/' }).end(),
  'a connection that is cut': response => response.destroy(),
  'a body that is cut': response => {
    response.writeHead(200, { 'content-length': '1000' }).write('{"result":[1,5,0')
    response.destroy()
  },
  'no answer': hang,
  'half of an answer, and then none': response => response.writeHead(200, { 'content-length': '1000' }).write('{"re')
}

/** Numbers, but no decision. */
const NO_DECISION: Readonly<Record<string, Answer>> = {
  'neither yes nor no': result([2, 5, 0]),
  'more left than the quota': result([1, 1_000_000_000, 0]),
  'all of the quota left after a debit': result([1, 20, 0]),
  'less than nothing left': result([1, -1, 0]),
  'allowed, and to wait': result([1, 5, 7]),
  'refused, and not to wait': result([0, 0, 0]),
  'refused, and to wait for the past': result([0, 0, -5]),
  'numbers too large to be whole': text('{"result":[1,1e400,0]}')
}

for (const [what, answer] of Object.entries({ ...NONSENSE, ...NO_DECISION })) {
  t.test(`take() falls to its floor within the deadline, admits no more, and never throws: ${what}`, async t => {
    const redis = await openHostileRedis(t, answer)
    const failures: string[] = []
    const limiter = createRedisLimiter({
      redis: openRedis({ ...redis, deadlineMs: DEADLINE_MS }),
      floorShare: 0.2,
      floorSubjects: 100,
      backOffMs: 0,
      onStoreFailure: error => failures.push(error.message)
    })
    const beganMs = performance.now()
    const asked = Array.from({ length: 8 }, () => limiter.take('test', quotaPolicy(20, 60), '192.0.2.1', T0))
    const verdicts = await Promise.all(asked)
    t.ok(performance.now() - beganMs < PATIENCE_MS)
    t.equal(verdicts.filter(({ allowed }) => allowed).length, 4, 'a fifth of twenty')
    t.ok(verdicts.every(({ from }) => from === 'floor'))
    t.equal(failures.length, 8)
    t.notMatch(
      failures.join('\n'),
      /192\.0\.2\.1|a secret token|local quota/,
      'and the log has no address, token or script'
    )
  })
}

for (const [what, answer] of Object.entries(NONSENSE)) {
  t.test(`standing() is unknown within the deadline, and never throws: ${what}`, async t => {
    const redis = await openHostileRedis(t, answer)
    const failures: string[] = []
    const view = createRevocationView({
      feed: createRevocationFeed(openRedis({ ...redis, deadlineMs: DEADLINE_MS }), 960_000),
      freshMs: 0,
      retentionMs: 960_000,
      onStoreFailure: error => failures.push(error.message)
    })
    const beganMs = performance.now()
    t.equal(await view.standing('0199a8d4-1c00-7000-8000-0000000000b2', T0), 'unknown')
    t.ok(performance.now() - beganMs < PATIENCE_MS)
    t.equal(failures.length, 1)
  })
}

t.test('after a failure only one request in each back-off waits for Redis', async t => {
  const redis = await openHostileRedis(t, text('', 500))
  const limiter = createRedisLimiter({
    redis: openRedis({ ...redis, deadlineMs: DEADLINE_MS }),
    floorShare: 1,
    floorSubjects: 100,
    backOffMs: BACK_OFF_MS,
    onStoreFailure: () => {}
  })
  const take = (nowMs: number) => limiter.take('test', quotaPolicy(1000, 60), 'a', nowMs)
  const callsFor = async (work: () => Promise<unknown>) => {
    const before = redis.calls
    await work()
    return redis.calls - before
  }
  const twenty = (nowMs: number): Promise<Verdict[]> => Promise.all(Array.from({ length: 20 }, () => take(nowMs)))

  t.equal(await callsFor(() => take(T0)), 1)
  for (const nowMs of [T0, T0 + 1, T0 + BACK_OFF_MS - 1]) t.equal(await callsFor(() => twenty(nowMs)), 0)
  t.equal(await callsFor(() => twenty(T0 + BACK_OFF_MS)), 1, 'one asks again, though twenty came at once')
  t.equal(await callsFor(() => twenty(T0 + 2 * BACK_OFF_MS - 1)), 0)

  redis.answer = result([1, 7, 0])
  const probe = await twenty(T0 + 2 * BACK_OFF_MS)
  t.equal(probe.filter(({ from }) => from === 'store').length, 1, 'one finds out that it is back')
  t.ok(
    (await twenty(T0 + 2 * BACK_OFF_MS)).every(({ from }) => from === 'store'),
    'and from then on all ask it'
  )

  redis.answer = text('', 500)
  await take(T0 + 3 * BACK_OFF_MS)
  t.equal(await callsFor(() => take(T0)), 1, 'and a clock that was set back does not keep it away')
})

for (const place of PLACES) {
  t.test(
    `the Worker in ${place.name} without Redis serves public routes from its floor and closes the others`,
    async t => {
      const { bindings, origin, redis, token } = await openSurroundings(t)
      const edge = await place.open(t, { ...bindings, EDGE_QUOTA_ADDRESS: '100/60' })
      await redis.close()
      const statuses: number[] = []
      for (let i = 0; i < 12; i++) statuses.push((await edge.send('/health/live')).status)
      t.strictSame(statuses, [...Array(10).fill(200), 429, 429], 'a tenth of the quota')
      t.equal(origin.requests.length, 10)

      const other = await place.open(t, bindings)
      const refused = await other.send('/api/v1/users/me', { headers: { authorization: `Bearer ${token()}` } })
      t.match(await refused.json(), { code: 'unavailable', status: 503 })
      t.equal(refused.headers.get('retry-after'), '1')
      const forged = await other.send('/api/v1/users/me', { headers: { authorization: 'Bearer a.b.c' } })
      t.equal(forged.status, 401, 'a forgery is still called one')
      t.equal(origin.requests.length, 10)
    }
  )
}
