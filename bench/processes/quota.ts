/**
 * A fresh process with several instances of one limiter, as many edges have, over the REST endpoint and the Redis engine.
 *
 * Traffic of minutes runs in seconds: `Date.now` is driven, which both limiters read, and so is the clock of the engine.
 * The network takes no time then. What a Redis that is gone costs is measured on the real clock.
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

export interface QuotaQuestion {
  readonly limiter: keyof typeof LIMITERS
  readonly quota: number
  readonly windowSeconds: number
  readonly instances: number
  readonly ask:
    | { readonly client: 'honest'; readonly windows: number; readonly phaseMs: number; readonly waitUnitMs: number }
    | { readonly client: 'greedy'; readonly windows: number; readonly phaseMs: number }
    | { readonly client: 'adversary'; readonly phaseMs: number }
    /** `gone`: its port refuses. `silent`: it takes calls and never answers. */
    | { readonly redis: 'gone' | 'silent'; readonly later: number }
}

/** Of what was due to the client, and of all calls of Redis for a request that passed. */
export interface ShareResult {
  readonly share: number
  readonly callsPerAdmitted: number
}

export interface WithoutRedisTimes {
  readonly firstMs: number
  /** Of those after it. */
  readonly laterMs: readonly number[]
}

/** A Monday at noon: the beginning of a minute. */
const T0 = 1_800_014_400_000
const realNow = Date.now.bind(Date)
/** Long enough for a machine that is busy; the real clock goes on meanwhile. */
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
  if (!('client' in ask)) throw new TypeError('this traffic needs a client')
  if (ask.client === 'adversary') return attack(traffic, opened.newSubject)

  const random = createRandom(ask.phaseMs)
  const run = (windows: number): Promise<Share> =>
    ask.client === 'honest'
      ? askHonestly(traffic, { windows, random, waitUnitMs: ask.waitUnitMs })
      : askGreedily(traffic, windows)
  // The first window is a gift, whoever counts: what comes after is how it goes on.
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
      // No time passes on a driven clock, but what goes on behind a request must be done before the next moment.
      await limiter.idle()
      return answer
    }
  }))
  return { quota, windowMs, clock, instances }
}

/** A limiter that has asked Redis before, once Redis is not there any more. */
async function askWithoutRedis(
  question: QuotaQuestion,
  how: 'gone' | 'silent',
  later: number
): Promise<WithoutRedisTimes> {
  const backend = await openEngineBackend()
  const redis = await openRedisRest({ backend, token: randomUUID() })
  const { instances, newSubject } = LIMITERS[question.limiter]({ url: redis.url, token: redis.token }, question)
  const [instance] = instances
  if (instance === undefined) throw new RangeError('an instance is needed')
  await instance.charge()
  await redis.close()
  const silent = createServer(() => {})
  if (how === 'silent') await once(silent.listen(redis.port, '127.0.0.1'), 'listening')

  // Its client has to notice, as it would: that the connection it kept is closed.
  await sleep(NOTICED_MS)
  newSubject()
  const time = async () => {
    const startedMs = performance.now()
    // A limiter that throws has answered, too: with an error.
    await instance.charge().catch(() => {})
    return performance.now() - startedMs
  }
  const firstMs = await time()
  const laterMs: number[] = []
  for (let i = 0; i < later; i++) laterMs.push(await time())
  return { firstMs, laterMs } satisfies WithoutRedisTimes
}
