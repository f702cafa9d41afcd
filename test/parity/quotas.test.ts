/** Quotas through the real client, over REST, on every engine: N means N under any parallelism. */

import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { quotaPolicy } from '../../edge/contract/quota-policy.ts'
import { createRedisLimiter, type Limiter } from '../../edge/limiter/redis-limiter.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { type RedisLane, redisBackends } from '../lib/redis-backends.ts'
import { redisEndpoint } from '../lib/test-engines.ts'

/** On a real Redis; other suites use the numbers around it. */
const LOGICAL_DATABASE = 12
const CLOCK = () => 1_800_000_000_000

/** Limiters as on several instances, which share nothing but Redis. */
async function openLimiters(t: Test, lane: RedisLane, count: number): Promise<readonly Limiter[]> {
  const redisUrl = lane.name === 'redis' ? process.env.TEST_REDIS_URL : undefined
  const engines = { name: lane.name, databaseUrl: undefined, redisUrl, skip: lane.skip }
  const rest = await redisEndpoint(t, engines, LOGICAL_DATABASE)
  // A long deadline: a busy machine must not make these tests use fallback quotas.
  return Array.from({ length: count }, () =>
    createRedisLimiter({
      redis: openRedis({ ...rest, deadlineMs: 20_000 }),
      fallbackShare: 0.1,
      maxFallbackSubjects: 100,
      breakerResetMs: 1000,
      onStoreFailure: error => t.fail(error.message)
    })
  )
}

for (const lane of redisBackends()) {
  t.test(`quotas: ${lane.name}`, { skip: lane.skip }, async t => {
    const [one, two, three] = await openLimiters(t, lane, 3)
    if (!one || !two || !three) return t.fail('three limiters were asked for')

    await t.test('of six requests at once to a quota of five, exactly five pass, twenty times', async t => {
      for (let round = 0; round < 20; round++) {
        const subject = randomUUID()
        const decisions = await Promise.all(
          [one, two, three, one, two, three].map(limiter =>
            limiter.charge({ name: 'test', policy: quotaPolicy(5, 60), subject }, CLOCK)
          )
        )
        t.strictSame(decisions.map(({ allowed }) => allowed).sort(), [false, true, true, true, true, true])
        t.strictSame(
          decisions
            .filter(({ allowed }) => allowed)
            .map(({ remaining }) => remaining)
            .sort(),
          [0, 1, 2, 3, 4]
        )
        t.ok(decisions.every(({ from }) => from === 'store'))
      }
    })

    await t.test('of two hundred at once to a quota of fifty, exactly fifty pass', async t => {
      const subject = randomUUID()
      const asked = Array.from({ length: 200 }, (_, i) =>
        (i % 2 ? one : two).charge({ name: 'test', policy: quotaPolicy(50, 60), subject }, CLOCK)
      )
      t.equal((await Promise.all(asked)).filter(({ allowed }) => allowed).length, 50)
    })

    await t.test('the wait is a whole number of milliseconds within the window and a slice', async t => {
      const subject = randomUUID()
      await one.charge({ name: 'test', policy: quotaPolicy(1, 60), subject }, CLOCK)
      const { allowed, retryAfterMs } = await two.charge({ name: 'test', policy: quotaPolicy(1, 60), subject }, CLOCK)
      t.notOk(allowed)
      t.ok(Number.isSafeInteger(retryAfterMs) && retryAfterMs > 50_000 && retryAfterMs <= 61_000, `${retryAfterMs} ms`)
    })

    await t.test('quotas and subjects do not touch each other', async t => {
      const [subject, policy] = [randomUUID(), quotaPolicy(1, 60)]
      t.ok((await one.charge({ name: 'test', policy, subject }, CLOCK)).allowed)
      t.ok((await one.charge({ name: 'other', policy, subject }, CLOCK)).allowed)
      t.ok((await one.charge({ name: 'test', policy, subject: randomUUID() }, CLOCK)).allowed)
      t.notOk((await one.charge({ name: 'test', policy, subject }, CLOCK)).allowed)
    })

    await t.test('after a change of its window a quota does not count old debits for ever', async t => {
      const subject = randomUUID()
      for (let i = 0; i < 3; i++) await one.charge({ name: 'test', policy: quotaPolicy(5, 60), subject }, CLOCK)
      t.equal((await two.charge({ name: 'test', policy: quotaPolicy(5, 3600), subject }, CLOCK)).remaining, 4)
      t.equal(
        (await one.charge({ name: 'test', policy: quotaPolicy(5, 60), subject }, CLOCK)).remaining,
        1,
        'nor spoils them'
      )
    })

    await t.test('a quota that was lowered is obeyed at once', async t => {
      const subject = randomUUID()
      for (let i = 0; i < 8; i++) await one.charge({ name: 'test', policy: quotaPolicy(10, 60), subject }, CLOCK)
      t.match(await two.charge({ name: 'test', policy: quotaPolicy(5, 60), subject }, CLOCK), {
        allowed: false,
        remaining: 0
      })
    })
  })
}
