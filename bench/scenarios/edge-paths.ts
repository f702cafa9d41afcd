/** What the edge's other ways cost, each for itself: none of them is in the numbers of the warm one. */

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

export const edgePaths: Scenario = {
  name: 'edge-paths',
  title: 'The other ways through an edge',
  about:
    'One request after the other, over one connection. Cold: the first request of a fresh workerd, which reads its settings, ' +
    'downloads the keys and asks Redis; its start is not in it. Unknown key: the edge is warm, but has to download the keys ' +
    'before it can refuse (its clock is pushed over the cool-down between two downloads). Revoked and limited are refused ' +
    'from memory. Strict: REVOCATION_MAX_AGE_MS=0, a round trip to Redis for each request. Redis and origin are on the same ' +
    'machine: add your own distances.',
  metrics: {
    p50: { unit: 'ms', better: 'lower', means: 'Median time to the answer' },
    p99: { unit: 'ms', better: 'lower', means: '99th percentile; of the few cold starts and downloads the slowest' },
    'redis calls': { unit: '', better: 'lower', means: 'Calls of Redis for an answer, warm pass included' }
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
    // Where a quota is to be used up, the first few pass.
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
  // Genuine tokens of another issuer: their key is in nobody's set.
  const foreignTokens = createTokenSource().tokens(MISSES)
  const timesMs: number[] = []
  await timeOf(url, known, 200)
  for (const foreign of foreignTokens) {
    // The push also makes the view of ended sessions too old: this request renews it, so that the next only lacks the key.
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

/** @throws where the answer is another one */
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
  throw new Error(`the edge answered ${response.status} where ${status} was expected: ${text.slice(0, 200)}`)
}

function sidOf(token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sid
}
