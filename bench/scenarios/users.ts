/** A thousand users with ordinary traffic through the whole system. */

import { edgeBindings } from '../lib/edges.ts'
import { type Engines, loadTokenSource, openEngines } from '../lib/engines.ts'
import { sumErrors } from '../lib/errors.ts'
import { insertUsers } from '../lib/inserted-users.ts'
import { load } from '../lib/load.ts'
import { openOriginProcess, PUBLIC_URL } from '../lib/origin-process.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { quantileOf } from '../lib/statistics.ts'
import { inTurn, requestsWith } from '../lib/token-requests.ts'
import { openWorker } from '../lib/worker.ts'
import { PATH } from './edge-latency.ts'

const USERS = 1_000
/** Before counting, each user makes one request, spread over time: users arrive gradually, not all at once. */
const ARRIVALS = { perSecond: 250, seconds: 5, connections: 50, warmSeconds: 0 }

/** Measures the latency of ordinary traffic. */
export const users: Scenario = {
  name: 'users',
  title: `${USERS.toLocaleString('en-GB')} users, each requests users/me once a second`,
  about:
    'Requests pass an edge in workerd, the origin (which accepts requests from edges only) and PostgreSQL. Each user has a ' +
    'connection, and requests fall due in turn at a fixed rate, however fast answers come (open loop). The run takes one ' +
    'minute, or ten with --soak. There is one round; its percentiles cover every request.',
  metrics: {
    p50: { unit: 'ms', better: 'lower', means: 'From when a request was due to the last byte of its answer' },
    p99: { unit: 'ms', better: 'lower', means: 'From when a request was due to the last byte of its answer' },
    worst: { unit: 'ms', better: 'lower', means: 'The slowest request' },
    throughput: { unit: '/s', better: 'higher', means: 'Answers a second' },
    'cpu edge': { unit: 'µs', better: 'lower', means: 'CPU time of workerd per answer' },
    'cpu origin': { unit: 'µs', better: 'lower', means: 'CPU time of the origin per answer' },
    busy: { unit: '', better: 'lower', means: 'The share of a core that the load generator used' }
  },
  rounds: { full: 1, quick: 1 },
  seconds: { full: 70, quick: 20 },
  fullOnly: true,
  async open(scope) {
    const engines = await openEngines(scope)
    const first = await scope.child()
    await openOriginProcess(engines, first)
    await first.close()
    return [{ name: 'edge and origin', round: inner => measure(engines, inner) }]
  }
}

async function measure(engines: Engines, scope: Scope): Promise<Measured> {
  const inserted = await insertUsers(engines, USERS)
  const origin = await openOriginProcess(engines, scope, { REQUIRE_EDGE: 'true' })
  const bindings = edgeBindings({ ...engines, originUrl: origin.url, publicUrl: PUBLIC_URL })
  const edge = await openWorker({ bindings }, scope)
  const source = await loadTokenSource(engines, PUBLIC_URL, inserted)
  const options = { url: edge.url, next: inTurn(requestsWith(source.tokens(USERS), PATH)) }
  const arrivals = await load({ ...options, ...ARRIVALS })
  const { latency, perSecond, cpuMicros, generatorBusy, ...counted } = await load({
    ...options,
    connections: USERS,
    perSecond: USERS,
    warmSeconds: 1,
    seconds: scope.soak ? 600 : scope.pick(60, 10),
    processes: { edge: edge.pid, origin: origin.pid }
  })
  return {
    metrics: {
      p50: quantileOf(latency, 0.5),
      p99: quantileOf(latency, 0.99),
      worst: quantileOf(latency, 1),
      throughput: perSecond,
      'cpu edge': cpuMicros.edge ?? Number.NaN,
      'cpu origin': cpuMicros.origin ?? Number.NaN,
      busy: generatorBusy
    },
    ...sumErrors([arrivals, counted]),
    latencies: { 'users/me': latency }
  }
}
