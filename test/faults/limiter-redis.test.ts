/** The origin's limiter when Redis is away, is slow or answers nonsense: it uses the fallback quota and never throws. */

import t from 'tap'
import { quotaPolicy } from '../../edge/contract/quota-policy.ts'
import { createRedisLimiter, type LimiterDecision } from '../../edge/limiter/redis-limiter.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { NO_GRANT, NONSENSE, openFaultyRedis, pipelined } from './lib/faulty-redis.ts'

const T0 = 1_800_000_000_000
const BREAKER_RESET_MS = 1000
/** A call without an answer by then has failed. Long enough for real answers on a slow machine. */
const DEADLINE_MS = 400
/** The longest that a call may take: two attempts, each with its deadline, on a slow machine. */
const PATIENCE_MS = 10 * DEADLINE_MS
const FAILS = NONSENSE['status 500']

for (const [what, fault] of Object.entries({ ...NONSENSE, ...NO_GRANT })) {
  t.test(`charge() uses its fallback quota within the deadline, admits no more, and never throws: ${what}`, async t => {
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
    const decisions = await Promise.all(asked)
    t.ok(performance.now() - beganMs < PATIENCE_MS)
    t.equal(decisions.filter(({ allowed }) => allowed).length, 4, 'a fifth of twenty')
    t.ok(decisions.every(({ from }) => from === 'fallback'))
    t.equal(failures.length, 8)
    const log = failures.join('\n')
    t.notMatch(log, /192\.0\.2\.1|a-secret-token|local quota/, 'and the log has no address, token or script')
  })
}

t.test('after a failure only one request per breakerResetMs waits for Redis', async t => {
  const redis = await openFaultyRedis(t, FAILS)
  const limiter = createRedisLimiter({
    // Every answer arrives: only a machine that stands still would miss this deadline.
    redis: openRedis({ ...redis, deadlineMs: 10_000 }),
    fallbackShare: 1,
    maxFallbackSubjects: 100,
    breakerResetMs: BREAKER_RESET_MS,
    onStoreFailure: () => {}
  })
  const charge = (nowMs: number) =>
    limiter.charge({ name: 'test', policy: quotaPolicy(1000, 60), subject: 'a' }, () => nowMs)
  const callsFor = async (work: () => Promise<unknown>) => {
    const before = redis.calls
    await work()
    return redis.calls - before
  }
  const twenty = (nowMs: number): Promise<LimiterDecision[]> =>
    Promise.all(Array.from({ length: 20 }, () => charge(nowMs)))

  t.equal(await callsFor(() => charge(T0)), 1)
  for (const nowMs of [T0, T0 + 1, T0 + BREAKER_RESET_MS - 1]) t.equal(await callsFor(() => twenty(nowMs)), 0)
  t.equal(await callsFor(() => twenty(T0 + BREAKER_RESET_MS)), 1, 'one probes, though twenty came at once')
  t.equal(await callsFor(() => twenty(T0 + 2 * BREAKER_RESET_MS - 1)), 0)

  redis.fault = pipelined([1, 7, 0, 0, 1])
  const probe = await twenty(T0 + 2 * BREAKER_RESET_MS)
  t.equal(probe.filter(({ from }) => from === 'store').length, 1, 'the probe finds Redis back')
  const after = await twenty(T0 + 2 * BREAKER_RESET_MS)
  t.ok(
    after.every(({ from }) => from === 'store'),
    'and from then on every request asks it'
  )

  redis.fault = FAILS
  await charge(T0 + 3 * BREAKER_RESET_MS)
  t.equal(await callsFor(() => charge(T0)), 1, 'and a clock that was set back does not keep it away')
})

t.test('the pause after a failure begins with the failure, also where the call took longer than the pause', async t => {
  const redis = await openFaultyRedis(t, FAILS)
  const clock = { nowMs: T0 }
  const limiter = createRedisLimiter({
    redis: openRedis({ ...redis, deadlineMs: 10_000 }),
    fallbackShare: 1,
    maxFallbackSubjects: 100,
    breakerResetMs: 50,
    onStoreFailure: () => {}
  })
  const charge = () => limiter.charge({ name: 'test', policy: quotaPolicy(1000, 60), subject: 'a' }, () => clock.nowMs)
  const first = charge()
  clock.nowMs += 250
  await first
  t.equal(redis.calls, 1)
  for (let i = 0; i < 5; i++) t.match(await charge(), { from: 'fallback' })
  t.equal(redis.calls, 1, 'five requests at the time of the failure wait for no call')
  clock.nowMs += 50
  await charge()
  t.equal(redis.calls, 2)
})
