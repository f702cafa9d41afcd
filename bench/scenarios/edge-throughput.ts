/** The throughput of an edge, beside a Worker that only forwards and one built of well-known libraries. */

import { type EdgeSetup, openEdgeSetup, WIDE_QUOTA } from '../lib/edges.ts'
import { sumErrors } from '../lib/errors.ts'
import { load } from '../lib/load.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { inTurn, requestsWith } from '../lib/token-requests.ts'
import { openWorker, type WorkerOptions } from '../lib/worker.ts'
import { PATH, WARM_TOKENS } from './edge-latency.ts'

const CONNECTIONS = 64

/** Measures the throughput at full load. */
export const edgeThroughput: Scenario = {
  name: 'edge-throughput',
  title: 'The throughput of an edge at full load',
  about:
    `Closed loop, ${CONNECTIONS} connections, ${WARM_TOKENS} tokens in turn. All variants use the same constant origin ` +
    'and the same Redis. The bare Worker forwards and checks nothing. The other peer verifies with jose and charges the ' +
    'same two quotas with @upstash/ratelimit. On two cores the load generator, the origin and Redis share the machine with ' +
    'the Worker; CPU is that of workerd alone.',
  metrics: {
    throughput: { unit: '/s', better: 'higher', means: 'Answers a second' },
    cpu: { unit: 'µs', better: 'lower', means: 'CPU time of workerd per answer, all threads' },
    'cpu origin': { unit: 'µs', better: 'lower', means: 'CPU time of the origin per answer' },
    'cpu redis': { unit: 'µs', better: 'lower', means: 'CPU time of Redis and its endpoint per answer' },
    'redis calls': { unit: '', better: 'lower', means: 'Redis calls per answer' },
    busy: { unit: '', better: 'lower', means: 'The share of a core that the load generator used' }
  },
  seconds: { full: 50, quick: 16 },
  async open(scope) {
    const setup = await openEdgeSetup(scope)
    const requests = requestsWith(setup.source.tokens(WARM_TOKENS), PATH)
    const { ORIGIN_URL = '', UPSTASH_REDIS_REST_URL = '', UPSTASH_REDIS_REST_TOKEN = '' } = setup.bindings
    const [limit = ''] = WIDE_QUOTA.split('/')
    const peerBindings = {
      ORIGIN_URL,
      UPSTASH_REDIS_REST_URL,
      UPSTASH_REDIS_REST_TOKEN,
      MATERIAL: JSON.stringify(setup.source.material),
      REQUESTS_PER_MINUTE: limit
    }
    const peer = (file: string): WorkerOptions => ({
      entry: new URL(`../peers/${file}`, import.meta.url),
      bindings: peerBindings
    })
    const variants: Record<string, WorkerOptions> = {
      'bare proxy': peer('bare-proxy-worker.ts'),
      'jose + @upstash/ratelimit': peer('jose-ratelimit-worker.ts'),
      Gatehouse: { bindings: setup.bindings }
    }
    return Object.entries(variants).map(([name, worker]) => ({
      name,
      round: inner => measure(worker, setup, requests, inner)
    }))
  }
}

async function measure(
  worker: WorkerOptions,
  setup: EdgeSetup,
  requests: readonly Buffer[],
  scope: Scope
): Promise<Measured> {
  const { url, pid } = await openWorker(worker, scope)
  const options = { url, connections: CONNECTIONS, next: inTurn(requests) }
  const warm = await load({ ...options, warmSeconds: 0, seconds: scope.pick(1.5, 0.6) })
  const callsBefore = await setup.redisCalls()
  let answers = 0
  const counted = await load({
    ...options,
    warmSeconds: 0.1,
    seconds: scope.pick(1, 0.8),
    onAnswer: () => {
      answers++
    },
    processes: { worker: pid, origin: setup.origin.pid, redis: setup.pid }
  })
  const { cpuMicros } = counted
  return {
    metrics: {
      throughput: counted.perSecond,
      cpu: cpuMicros.worker ?? Number.NaN,
      'cpu origin': cpuMicros.origin ?? Number.NaN,
      'cpu redis': cpuMicros.redis ?? Number.NaN,
      'redis calls': ((await setup.redisCalls()) - callsBefore) / answers,
      busy: counted.generatorBusy
    },
    ...sumErrors([warm, counted]),
    latencies: { answers: counted.latency }
  }
}
