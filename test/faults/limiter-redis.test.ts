/** The limiter of the origin when Redis is away, slow or talks nonsense: a stricter floor, never an exception. */

import t from 'tap'
import { quotaPolicy } from '../../edge/contract/quota-policy.ts'
import { createRedisLimiter, type LimiterDecision } from '../../edge/limiter/redis-limiter.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { NO_GRANT, NONSENSE, openFaultyRedis, pipelined } from './lib/faulty-redis.ts'

const T0 = 1_800_000_000_000
const BACK_OFF_MS = 1000
/** A call that is not answered by then has failed. Long enough for the answers that do come, on any machine. */
const DEADLINE_MS = 400
/** No call may take longer: two tries, each with its deadline, and a slow machine. */
const PATIENCE_MS = 10 * DEADLINE_MS
const FAILS = NONSENSE['status 500']

for (const [what, fault] of Object.entries({ ...NONSENSE, ...NO_GRANT })) {
  t.test(`take() falls to its floor within the deadline, admits no more, and never throws: ${what}`, async t => {
    const redis = await openFaultyRedis(t, fault)
    const failures: string[] = []
    const limiter = createRedisLimiter({
      redis: openRedis({ ...redis, deadlineMs: DEADLINE_MS }),
      fallbackShare: 0.2,
      maxFallbackSubjects: 100,
      breakerResetMs: 0,
      onStoreFailure: error => failures.push(error.message)
    })
    const beganMs = performance.now()
    const asked = Array.from({ length: 8 }, () =>
      limiter.charge({ name: 'test', policy: quotaPolicy(20, 60), subject: '192.0.2.1' }, () => T0)
    )
    const verdicts = await Promise.all(asked)
    t.ok(performance.now() - beganMs < PATIENCE_MS)
    t.equal(verdicts.filter(({ allowed }) => allowed).length, 4, 'a fifth of twenty')
    t.ok(verdicts.every(({ from }) => from === 'fallback'))
    t.equal(failures.length, 8)
    const log = failures.join('\n')
    t.notMatch(log, /192\.0\.2\.1|a-secret-token|local quota/, 'and the log has no address, token or script')
  })
}

t.test('after a failure only one request in each back-off waits for Redis', async t => {
  const redis = await openFaultyRedis(t, FAILS)
  const limiter = createRedisLimiter({
    // Every answer comes: only a machine that stands still would miss this.
    redis: openRedis({ ...redis, deadlineMs: 10_000 }),
    fallbackShare: 1,
    maxFallbackSubjects: 100,
    breakerResetMs: BACK_OFF_MS,
    onStoreFailure: () => {}
  })
  const take = (nowMs: number) =>
    limiter.charge({ name: 'test', policy: quotaPolicy(1000, 60), subject: 'a' }, () => nowMs)
  const callsFor = async (work: () => Promise<unknown>) => {
    const before = redis.calls
    await work()
    return redis.calls - before
  }
  const twenty = (nowMs: number): Promise<LimiterDecision[]> =>
    Promise.all(Array.from({ length: 20 }, () => take(nowMs)))

  t.equal(await callsFor(() => take(T0)), 1)
  for (const nowMs of [T0, T0 + 1, T0 + BACK_OFF_MS - 1]) t.equal(await callsFor(() => twenty(nowMs)), 0)
  t.equal(await callsFor(() => twenty(T0 + BACK_OFF_MS)), 1, 'one asks again, though twenty came at once')
  t.equal(await callsFor(() => twenty(T0 + 2 * BACK_OFF_MS - 1)), 0)

  redis.fault = pipelined([1, 7, 0, 0, 1])
  const probe = await twenty(T0 + 2 * BACK_OFF_MS)
  t.equal(probe.filter(({ from }) => from === 'store').length, 1, 'one finds out that it is back')
  const after = await twenty(T0 + 2 * BACK_OFF_MS)
  t.ok(
    after.every(({ from }) => from === 'store'),
    'and from then on all ask it'
  )

  redis.fault = FAILS
  await take(T0 + 3 * BACK_OFF_MS)
  t.equal(await callsFor(() => take(T0)), 1, 'and a clock that was set back does not keep it away')
})
