/** The cost of each less common path through an edge. The scenarios of the warm path exclude them. */

import { type Bindings, type EdgeSetup, openEdgeSetup } from '../lib/edges.ts'
import { load } from '../lib/load.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { distribute, quantileOf } from '../lib/statistics.ts'
import { inTurn, requestsWith } from '../lib/token-requests.ts'
import { createTokenSource } from '../lib/tokens.ts'
import { openWorker } from '../lib/worker.ts'
import { PUSH_HEADER } from '../processes/push-header.ts'
import { PATH } from './edge-latency.ts'

const COLD_STARTS = 3
const MISSES = 12
/** Longer than the cool-down between two downloads of keys. */
const PUSH_MS = 31_000
const WARM_TOKENS = 20

/** Measures each path by itself. */
export const edgePaths: Scenario = {
  name: 'edge-paths',
  title: 'The less common paths through an edge',
  about:
    'One request after the other, over one connection. Cold: the first request of a new workerd, which reads its settings, ' +
    'downloads the keys and asks Redis; its start is not included. Unknown key: a warm edge that has to download the keys ' +
    'before it can refuse (its clock is moved past the cool-down between two downloads). Revoked and limited requests are ' +
    'refused from memory. Strict: REVOCATION_MAX_AGE_MS=0, one round trip to Redis per request. Redis and origin run on the ' +
    'same machine: add the latency of your own network.',
  metrics: {
    p50: { unit: 'ms', better: 'lower', means: 'Median time to the answer' },
    p99: { unit: 'ms', better: 'lower', means: '99th percentile; for the few cold starts and downloads, the slowest' },
    'redis calls': { unit: '', better: 'lower', means: 'Redis calls per answer, warm pass included' }
  },
  seconds: { full: 26, quick: 16 },
  fullOnly: true,
  async open(scope) {
    const setup = await openEdgeSetup(scope)
    const source = setup.source
    const warm = source.tokens(WARM_TOKENS)
    const { JWKS: _, ...fetchingKeys } = setup.bindings
    const revoked = source.tokens(WARM_TOKENS)
    await setup.feed.publish(revoked.map(sidOf))
    return [
      { name: 'warm', round: inner => repeat(setup, { bindings: setup.bindings, tokens: warm, status: 200 }, inner) },
      { name: 'cold isolate', round: inner => startCold(fetchingKeys, warm, inner) },
      { name: 'unknown key', round: inner => missKeys(fetchingKeys, warm, inner) },
      {
        name: 'revoked',
        round: inner => repeat(setup, { bindings: setup.bindings, tokens: revoked, status: 401 }, inner)
      },
      {
        name: 'limited',
        round: inner => repeat(setup, { bindings: { ...setup.bindings, ...NARROW }, tokens: warm, status: 429 }, inner)
      },
      {
        name: 'strict',
        round: inner => repeat(setup, { bindings: { ...setup.bindings, ...STRICT }, tokens: warm, status: 200 }, inner)
      }
    ]
  }
}

/** Used up by the warm pass. */
const NARROW: Bindings = { EDGE_QUOTA_ADDRESS: '5/600' }
const STRICT: Bindings = { REVOCATION_MAX_AGE_MS: '0' }

/** Requests of one kind, all of which are answered with one status. */
interface Repeated {
  readonly bindings: Bindings
  readonly tokens: readonly string[]
  readonly status: number
}

async function repeat(setup: EdgeSetup, { bindings, tokens, status }: Repeated, scope: Scope): Promise<Measured> {
  const { url } = await openWorker({ bindings }, scope)
  const callsBefore = await setup.redisCalls()
  let answers = 0
  const { latency, errors, errorKinds } = await load({
    url,
    connections: 1,
    warmSeconds: 0.3,
    seconds: 0.5,
    // The first few requests still pass until the quota is used up.
    statuses: status === 429 ? [429, 200] : [status],
    next: inTurn(requestsWith(tokens, PATH)),
    onAnswer: () => {
      answers++
    }
  })
  const calls = (await setup.redisCalls()) - callsBefore
  return {
    metrics: { p50: quantileOf(latency, 0.5), p99: quantileOf(latency, 0.99), 'redis calls': calls / answers },
    errors,
    errorKinds,
    latencies: { answers: latency }
  }
}

async function startCold(bindings: Bindings, tokens: readonly string[], scope: Scope): Promise<Measured> {
  const timesMs: number[] = []
  for (const token of tokens.slice(0, COLD_STARTS)) {
    const inner = await scope.child()
    const { url } = await openWorker({ bindings }, inner)
    timesMs.push(await timeOf(url, token, 200))
    await inner.close()
  }
  return measured(timesMs)
}

async function missKeys(bindings: Bindings, tokens: readonly string[], scope: Scope): Promise<Measured> {
  const entry = new URL('../processes/edge-ahead.ts', import.meta.url)
  const { url } = await openWorker({ entry, bindings }, scope)
  const [known = ''] = tokens
  // Genuine tokens of another issuer: the edge does not find their key in its key set.
  const foreignTokens = createTokenSource().tokens(MISSES)
  const timesMs: number[] = []
  await timeOf(url, known, 200)
  for (const foreign of foreignTokens) {
    // Moving the clock also makes the view of ended sessions stale. This request renews it, so the next lacks only the key.
    await timeOf(url, known, 200, { [PUSH_HEADER]: String(PUSH_MS) })
    timesMs.push(await timeOf(url, foreign, 401))
  }
  return measured(timesMs)
}

function measured(timesMs: readonly number[]): Measured {
  const latency = distribute(timesMs)
  return {
    metrics: { p50: quantileOf(latency, 0.5), p99: quantileOf(latency, 0.99) },
    errors: 0,
    latencies: { answers: latency }
  }
}

/** The time to an answer. @throws if its status is not `status` */
async function timeOf(
  url: string,
  token: string,
  status: number,
  headers: Readonly<Record<string, string>> = {}
): Promise<number> {
  const startedMs = performance.now()
  const response = await fetch(url + PATH, { headers: { ...headers, authorization: `Bearer ${token}` } })
  const text = await response.text()
  const tookMs = performance.now() - startedMs
  if (response.status === status) return tookMs
  throw new Error(`expected status ${status} from the edge, found ${response.status}: ${text.slice(0, 200)}`)
}

function sidOf(token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sid
}
