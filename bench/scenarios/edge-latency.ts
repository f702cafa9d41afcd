/** The latency that an edge adds to a request, at a rate below its limit. */

import { openEdgeSetup } from '../lib/edges.ts'
import { sumErrors } from '../lib/errors.ts'
import { load } from '../lib/load.ts'
import { API } from '../lib/origin-process.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { distribute, quantileOf } from '../lib/statistics.ts'
import { inTurn, requestsWith } from '../lib/token-requests.ts'
import { openWorker, type WorkerOptions } from '../lib/worker.ts'

/** How many tokens the edge scenarios use in turn; an edge remembers far more. */
export const WARM_TOKENS = 200
/** The route that the edge scenarios request. */
export const PATH = `${API}/users/me`

const PER_SECOND = 1_000
const CONNECTIONS = 50
const WARM_SECONDS = 1

/** Measures the added latency. */
export const edgeLatency: Scenario = {
  name: 'edge-latency',
  title: `The edge at ${PER_SECOND.toLocaleString('en-GB')} requests a second`,
  about:
    'Open loop: requests fall due at a fixed rate, and waiting counts as latency. The warm edge runs in workerd, with ' +
    'remembered tokens, two quotas and the revocation view. For comparison, the same origin is asked directly, and through ' +
    'a Worker that only forwards, which shows what workerd itself adds. The origin reports when a request arrived. The ' +
    'difference on the way in is what the budget is defined by; the bars apply to the difference of the answers, which also ' +
    'includes the way back.',
  metrics: {
    p50: { unit: 'ms', better: 'lower', means: 'From when a request was due to the last byte of its answer' },
    p99: { unit: 'ms', better: 'lower', means: 'From when a request was due to the last byte of its answer' },
    'in p50': { unit: 'ms', better: 'lower', means: 'From when a request was sent to its arrival at the origin' },
    'in p99': { unit: 'ms', better: 'lower', means: 'From when a request was sent to its arrival at the origin' },
    busy: { unit: '', better: 'lower', means: 'The share of a core that the load generator used' }
  },
  seconds: { full: 56, quick: 13 },
  async open(scope) {
    const setup = await openEdgeSetup(scope)
    const requests = requestsWith(setup.source.tokens(WARM_TOKENS), PATH)
    const bare = { entry: new URL('../peers/bare-proxy-worker.ts', import.meta.url), bindings: setup.bindings }
    const before = (worker: WorkerOptions) => async (inner: Scope) =>
      measure((await openWorker(worker, inner)).url, requests, inner)
    return [
      { name: 'direct', round: inner => measure(setup.origin.url, requests, inner) },
      ...scope.pick([{ name: 'bare proxy', round: before(bare) }], []),
      { name: 'Gatehouse edge', round: before({ bindings: setup.bindings }) }
    ]
  }
}

async function measure(url: string, requests: readonly Buffer[], scope: Scope): Promise<Measured> {
  const seconds = scope.pick(1.4, 1.2)
  const next = inTurn(requests)
  const sentNs: bigint[] = []
  const waysInMs: number[] = []
  // At the full rate a new isolate would begin with a queue.
  const warm = await load({ url, connections: 8, warmSeconds: 0, seconds: WARM_SECONDS, next })
  const loaded = await load({
    url,
    connections: CONNECTIONS,
    perSecond: PER_SECOND,
    warmSeconds: 0.4,
    seconds,
    next: connection => {
      sentNs[connection] = process.hrtime.bigint()
      return next()
    },
    onAnswer: (connection, _status, body) => {
      waysInMs.push(Number(arrivedNs(body) - (sentNs[connection] ?? 0n)) / 1e6)
    }
  })
  // The requests of the warm pass come first in the list.
  const waysIn = distribute(waysInMs.slice(-PER_SECOND * seconds))
  return {
    metrics: {
      p50: quantileOf(loaded.latency, 0.5),
      p99: quantileOf(loaded.latency, 0.99),
      'in p50': quantileOf(waysIn, 0.5),
      'in p99': quantileOf(waysIn, 0.99),
      busy: loaded.generatorBusy
    },
    ...sumErrors([warm, loaded]),
    latencies: { 'to the answer': loaded.latency, 'to the origin': waysIn }
  }
}

/** Reads the time of arrival. @throws if the answer is not from the constant origin */
function arrivedNs(body: string): bigint {
  const [, found] = /"arrivedNs":"(\d+)"/.exec(body) ?? []
  if (found === undefined) throw new Error(`expected the time of arrival in the answer, found: ${body.slice(0, 200)}`)
  return BigInt(found)
}
