/** A Redis that answers late, loses answers, or is away at times: how many requests pass, against limits in numbers. */

import { createSecretKey } from 'node:crypto'
import t from 'tap'
import { quotaPolicy } from '../../edge/contract/quota-policy.ts'
import { createRedisLimiter } from '../../edge/limiter/redis-limiter.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { between, createRandom, pick, type Random } from '../../local/random.ts'
import { redisEndpoint } from '../lib/test-engines.ts'
import { attemptOf, DEFAULT_GUARD_POLICY, guardOver } from '../server/guard/lib/guard-place.ts'
import { type FaultyRedis, NONSENSE, openFaultyRedis } from './lib/faulty-redis.ts'

/** An answer after this time is too late. */
const DEADLINE_MS = 300
const LIMIT = 5
/** The origin's fallback: a tenth of a quota, half of the failures. */
const FALLBACK = { quota: 1, failures: 2 }

const gone = NONSENSE['status 500']

/** Sets how Redis behaves: it works, is away, or counts and does not answer. */
function behave(redis: FaultyRedis, how: 'well' | 'away' | 'lossy'): void {
  redis.fault = how === 'away' ? gone : undefined
  redis.lateMs = how === 'lossy' ? Number.POSITIVE_INFINITY : 0
}

const anyWay = (random: Random) => pick(random, ['well', 'away', 'lossy'] as const)

async function openSlowRedis(t: { teardown(work: () => unknown): void }, deadlineMs = 20_000) {
  const faulty = await openFaultyRedis(t, undefined, await redisEndpoint(t))
  return { faulty, client: openRedis({ url: faulty.url, token: faulty.token, deadlineMs }) }
}

function limiterOver(redis: ReturnType<typeof openRedis>) {
  const limiter = createRedisLimiter({
    redis,
    fallbackShare: 0.1,
    maxFallbackSubjects: 100,
    breakerResetMs: 0,
    onStoreFailure: () => {}
  })
  return async (subject: string) =>
    (await limiter.charge({ name: 'test', policy: quotaPolicy(LIMIT, 3600), subject }, Date.now)).allowed
}

let guessers = 0

/** A guard that counts each failure for another account, so that only the client address limits them. */
function guessingOver(redis: ReturnType<typeof openRedis>, secret: Uint8Array) {
  const seed = guessers++
  const guard = guardOver(redis, {
    subjectSecret: createSecretKey(secret),
    onStoreFailure: () => {},
    breakerResetMs: 1,
    policy: { ...DEFAULT_GUARD_POLICY, captchaAfterFailures: 1000 }
  })
  let person = 0
  return async (clientAddress: string) => {
    const attempt = attemptOf(`person${seed}-${person++}`, clientAddress)
    const admitted = await guard.admit(attempt)
    return admitted.ok && (await guard.record(attempt, 'wrong')).answerable
  }
}

t.test('while Redis is late or away, no more is admitted than the limit that it has granted already', async t => {
  for (const kind of ['quota', 'failures'] as const) {
    const { faulty, client } = await openSlowRedis(t, DEADLINE_MS)
    const ask = kind === 'quota' ? limiterOver(client) : guessingOver(client, new Uint8Array(32))
    const ten = async () =>
      (await Promise.all(Array.from({ length: 10 }, () => ask('192.0.2.1')))).filter(Boolean).length
    let answered = 0
    for (let i = 0; i < LIMIT; i++) if (await ask('192.0.2.1')) answered++
    faulty.lateMs = 2 * DEADLINE_MS
    for (let i = 0; i < 2; i++) answered += await ten()
    behave(faulty, 'away')
    answered += await ten()
    behave(faulty, 'well')
    answered += await ten()
    t.equal(answered, LIMIT, kind)
  }
})

t.test(
  'one process lets no more through than the limit, whatever Redis does, one after another or at once',
  async t => {
    const { faulty, client } = await openSlowRedis(t)
    const random = createRandom(16)
    const asks = { quota: limiterOver(client), failures: guessingOver(client, new Uint8Array(32)) }
    for (const [kind, ask] of Object.entries(asks)) {
      for (let round = 0; round < 40; round++) {
        const subject = `192.0.2.${round}`
        let answered = 0
        for (let step = 0; step < 8; step++) {
          behave(faulty, anyWay(random))
          const crowd = Array.from({ length: between(random, 1, 4) }, () => ask(subject))
          // Some requests are pending during the change.
          behave(faulty, anyWay(random))
          answered += (await Promise.all(crowd)).filter(Boolean).length
        }
        behave(faulty, 'well')
        for (let i = 0; i < LIMIT; i++) if (await ask(subject)) answered++
        if (answered > LIMIT) t.fail(`${kind}: ${answered} of ${LIMIT}`)
      }
      t.pass(kind)
    }
  }
)

t.test('three processes let no more through together than the limit and a fallback each', async t => {
  const { faulty, client } = await openSlowRedis(t)
  const random = createRandom(17)
  const secret = new Uint8Array(32).fill(1)
  const processes = {
    quota: Array.from({ length: 3 }, () => limiterOver(client)),
    failures: Array.from({ length: 3 }, () => guessingOver(client, secret))
  }
  for (const kind of ['quota', 'failures'] as const) {
    const bound = LIMIT + 3 * FALLBACK[kind]
    for (let round = 0; round < 20; round++) {
      const answered = [0, 0, 0]
      for (let step = 0; step < 40; step++) {
        behave(faulty, anyWay(random))
        const i = between(random, 0, 2)
        if (await processes[kind][i]?.(`198.51.100.${round}`)) answered[i] = (answered[i] ?? 0) + 1
      }
      const total = answered.reduce((sum, count) => sum + count, 0)
      if (total > bound || Math.max(...answered) > LIMIT) t.fail(`${kind}: ${answered}`)
    }
    t.pass(kind)
  }
})
