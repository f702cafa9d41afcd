/** A thousand people who go about their business. */

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
/** Everybody comes once, one after the other, before everybody comes every second: a morning, and not a stampede. */
const ARRIVALS = { perSecond: 250, seconds: 5, connections: 50, warmSeconds: 0 }

export const users: Scenario = {
  name: 'users',
  title: `${USERS.toLocaleString('en-GB')} users, one users/me a second each`,
  about:
    'Through an edge in workerd to the origin that ships, which takes no request but from an edge, and PostgreSQL. Everybody ' +
    'has a connection, and asks once a second (in turn, at as many a second) whether the last answer was fast or not (open loop). A minute; ten with ' +
    '--soak. One round: the time is what is tested, and its percentiles are over every request of it.',
  metrics: {
    p50: { unit: 'ms', better: 'lower', means: 'From when a request was due to the last byte of its answer' },
    p99: { unit: 'ms', better: 'lower', means: 'From when a request was due to the last byte of its answer' },
    worst: { unit: 'ms', better: 'lower', means: 'The slowest of all' },
    throughput: { unit: '/s', better: 'higher', means: 'Answers a second' },
    'cpu edge': { unit: 'µs', better: 'lower', means: 'CPU time of workerd for an answer' },
    'cpu origin': { unit: 'µs', better: 'lower', means: 'CPU time of the origin for an answer' },
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
