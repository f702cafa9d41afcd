/**
 * A process with several instances of one limiter, as on several edges, over the REST endpoint and the Redis engine.
 *
 * Minutes of traffic run in seconds: the process replaces `Date.now`, which both limiters read, and the clock of the
 * engine. The network then takes no time. The cost of a missing Redis is measured on the real clock.
 */

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '../../local/random.ts'
import { openEngineBackend, openRedisRest, type RedisRest } from '../../local/redis-rest.ts'
import { askGreedily, askHonestly, attack, type DrivenClock, type Share, type Traffic } from '../lib/quota-traffic.ts'
import { createGatehouseQuota } from '../peers/gatehouse-quota.ts'
import type { CreateQuotaLimiter, QuotaLimiter } from '../peers/quota.ts'
import { createUpstashQuota } from '../peers/upstash-quota.ts'
import { answerParent } from './answer-parent.ts'

const LIMITERS = { Gatehouse: createGatehouseQuota, '@upstash/ratelimit': createUpstashQuota } satisfies Record<
  string,
  CreateQuotaLimiter
>

/** Which limiter is measured, and with which client. */
export interface QuotaQuestion {
  readonly limiter: keyof typeof LIMITERS
  readonly quota: number
  readonly windowSeconds: number
  readonly instances: number
  readonly ask:
    | { readonly client: 'honest'; readonly windows: number; readonly phaseMs: number; readonly waitUnitMs: number }
    | { readonly client: 'greedy'; readonly windows: number; readonly phaseMs: number }
    | { readonly client: 'attacker'; readonly phaseMs: number }
    /** `gone`: its port refuses connections. `silent`: it accepts requests and never answers. */
    | { readonly redis: 'gone' | 'silent'; readonly later: number }
}

/** The admitted share of the client's quota, and the Redis calls per admitted request. */
export interface ShareResult {
  readonly share: number
  readonly callsPerAdmitted: number
}

/** The times of answers without Redis. */
export interface WithoutRedisTimes {
  readonly firstMs: number
  /** The times of the answers after the first. */
  readonly laterMs: readonly number[]
}

/** The beginning of a minute. */
const T0 = 1_800_014_400_000
const realNow = Date.now.bind(Date)
/** Long enough for a busy machine: deadlines run on the real clock. */
const DEADLINE_MS = 20_000
const NOTICED_MS = 50

answerParent<QuotaQuestion>(async question => {
  const { ask } = question
  if ('redis' in ask) return askWithoutRedis(question, ask.redis, ask.later)
  const clock = { nowMs: T0 + ask.phaseMs }
  Date.now = () => clock.nowMs
  const backend = await openEngineBackend({ nowMs: () => clock.nowMs })
  const redis = await openRedisRest({ backend, token: randomUUID() })
  try {
    return await askInDrivenTime(question, redis, clock)
  } finally {
    Date.now = realNow
    await redis.close()
    await backend.close()
  }
})

async function askInDrivenTime(
  question: QuotaQuestion,
  redis: RedisRest,
  clock: DrivenClock
): Promise<ShareResult | number> {
  const { ask, limiter, quota, windowSeconds } = question
  const opened = LIMITERS[limiter]({ url: redis.url, token: redis.token }, { ...question, deadlineMs: DEADLINE_MS })
  const traffic = trafficOf(opened, quota, windowSeconds * 1000, clock)
  if (!('client' in ask)) throw new TypeError('expected a client for this traffic')
  if (ask.client === 'attacker') return attack(traffic, opened.newSubject)

  const random = createRandom(ask.phaseMs)
  const run = (windows: number): Promise<Share> =>
    ask.client === 'honest'
      ? askHonestly(traffic, { windows, random, waitUnitMs: ask.waitUnitMs })
      : askGreedily(traffic, windows)
  // The first window begins with an unused quota in every limiter, so it is not counted.
  await run(1)
  clock.nowMs = T0 + ask.phaseMs + windowSeconds * 1000
  const callsBefore = redis.calls()
  const { admittedAtMs, due } = await run(ask.windows)
  return {
    share: admittedAtMs.length / due,
    callsPerAdmitted: (redis.calls() - callsBefore) / admittedAtMs.length
  } satisfies ShareResult
}

function trafficOf(limiter: QuotaLimiter, quota: number, windowMs: number, clock: DrivenClock): Traffic {
  const instances = limiter.instances.map(({ charge }) => ({
    async charge() {
      const answer = await charge()
      // Background work must finish before the driven clock moves.
      await limiter.idle()
      return answer
    }
  }))
  return { quota, windowMs, clock, instances }
}

/** Measures a limiter that has used Redis before, after Redis is gone. */
async function askWithoutRedis(
  question: QuotaQuestion,
  how: 'gone' | 'silent',
  later: number
): Promise<WithoutRedisTimes> {
  const backend = await openEngineBackend()
  const redis = await openRedisRest({ backend, token: randomUUID() })
  const { instances, newSubject } = LIMITERS[question.limiter]({ url: redis.url, token: redis.token }, question)
  const [instance] = instances
  if (instance === undefined) throw new RangeError('expected at least one instance')
  await instance.charge()
  await redis.close()
  const silent = createServer(() => {})
  if (how === 'silent') await once(silent.listen(redis.port, '127.0.0.1'), 'listening')

  // Lets the client notice that its kept-alive connection was closed.
  await sleep(NOTICED_MS)
  newSubject()
  const time = async () => {
    const startedMs = performance.now()
    // An error is an answer, too.
    await instance.charge().catch(() => {})
    return performance.now() - startedMs
  }
  const firstMs = await time()
  const laterMs: number[] = []
  for (let i = 0; i < later; i++) laterMs.push(await time())
  return { firstMs, laterMs } satisfies WithoutRedisTimes
}
