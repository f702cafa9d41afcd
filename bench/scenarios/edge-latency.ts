/** What an edge adds to a request, at a rate that leaves it room: the verify budget. */

import { openEdgeSetup } from '../lib/edges.ts'
import { sumErrors } from '../lib/errors.ts'
import { load } from '../lib/load.ts'
import { API } from '../lib/origin-process.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { distribute, quantileOf } from '../lib/statistics.ts'
import { inTurn, requestsWith } from '../lib/token-requests.ts'
import { openWorker, type WorkerOptions } from '../lib/worker.ts'

/** Asked in turn by the scenarios of the edge; an edge remembers far more. */
export const WARM_TOKENS = 200
export const PATH = `${API}/users/me`

const PER_SECOND = 1_000
const CONNECTIONS = 50
const WARM_SECONDS = 1

export const edgeLatency: Scenario = {
  name: 'edge-latency',
  title: `The edge at ${PER_SECOND.toLocaleString('en-GB')} requests a second`,
  about:
    'Open loop: requests are due at a fixed rate, and waiting counts. The edge in workerd itself, warm, with tokens that it ' +
    'remembers, two quotas and the revocation view; beside it the same origin asked directly, and through a Worker that ' +
    'only forwards, which is what workerd itself adds. The origin says when a request ' +
    'arrived: the difference there is the way in alone, which is how the verify budget is defined; the difference of the ' +
    'answers, which the bars are held against, has the way back in it, too.',
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
  // A fresh isolate at full rate would begin with a queue.
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
  // Those of the warm pass came first.
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

/** @throws where somebody else than the constant origin has answered */
function arrivedNs(body: string): bigint {
  const [, found] = /"arrivedNs":"(\d+)"/.exec(body) ?? []
  if (found === undefined) throw new Error(`the answer does not say when the request arrived: ${body.slice(0, 200)}`)
  return BigInt(found)
}
