/** How long a token still works at the edges after its session has ended, and what this knowledge costs a request. */

import { type ConstantOrigin, edgeBindings, openConstantOrigin } from '../lib/edges.ts'
import { type Engines, loadTokenSource, openEngines } from '../lib/engines.ts'
import { sumErrors } from '../lib/errors.ts'
import { type InsertedUser, insertUsers } from '../lib/inserted-users.ts'
import { type Loaded, load } from '../lib/load.ts'
import { API, openOriginProcess, PUBLIC_URL } from '../lib/origin-process.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { distribute, quantileOf } from '../lib/statistics.ts'
import { inTurn, requestsWith } from '../lib/token-requests.ts'
import { openWorker, type RunningWorker } from '../lib/worker.ts'
import { PATH } from './edge-latency.ts'

const LOGOUTS = 200
const LOGOUTS_AT_ONCE = 50
/** The pause between two requests with a logged-out token. */
const PROBE_EVERY_MS = 10
/** Twenty times the promised reach. */
const GIVE_UP_MS = 20_000
/** The delay of Redis during warm requests: a request that waited for Redis takes at least this long. */
const REDIS_DELAY_MS = 100
/** The load of each edge: every token twice a second, for long enough that each lease is renewed at least once. */
const WARM = { seconds: 4, perSecond: 400, connections: 50 }
/** Not counted: at the start of an open loop, requests wait for connections that are still being made. */
const RAMP_UP_SECONDS = 0.3

/** Measures the reach of logouts and the wait of warm requests. */
export const revocationReach: Scenario = {
  name: 'revocation-reach',
  title: `${LOGOUTS} logouts, two edges`,
  about:
    'Users log out at the origin while two edges in workerd receive requests with their tokens every ' +
    `${PROBE_EVERY_MS} ms. The origin behind the edges accepts everything, so every refusal comes from an edge. The reach ` +
    'is the time from the answer of the logout to the start of the last request that passed, for each logout at each edge. ' +
    `Then Redis answers ${REDIS_DELAY_MS} ms later, and both edges receive live tokens, each twice a second: a request that ` +
    'waited for Redis would take at least that long. The remaining Redis calls are renewals, made in the background of ' +
    'requests that were answered from memory.',
  metrics: {
    'reach p50': {
      unit: 'ms',
      better: 'lower',
      means: 'From the answer of the logout to the last request that passed'
    },
    'reach p99': {
      unit: 'ms',
      better: 'lower',
      means: 'From the answer of the logout to the last request that passed'
    },
    'reach, worst': { unit: 'ms', better: 'lower', means: 'The longest of the round' },
    'waited for Redis': {
      unit: '',
      better: 'lower',
      means: 'Warm requests that took at least as long as a Redis call'
    },
    'warm p99': { unit: 'ms', better: 'lower', means: 'Warm requests with a distant Redis' },
    renewals: { unit: '/s', better: 'lower', means: 'Redis calls a second per edge, in the background' }
  },
  // Each round has hundreds of logouts, so two rounds are enough.
  rounds: { full: 2, quick: 2 },
  seconds: { full: 24, quick: 24 },
  fullOnly: true,
  async open(scope) {
    const engines = await openEngines(scope)
    const first = await scope.child()
    await openOriginProcess(engines, first)
    await first.close()
    return [{ name: 'Gatehouse', round: inner => measure(engines, inner) }]
  }
}

async function measure(engines: Engines, scope: Scope): Promise<Measured> {
  await engines.delayRedis(0)
  const origin = await openOriginProcess(engines, scope)
  const behind = await openConstantOrigin('', scope)
  const edges = [await openEdge(engines, origin.url, behind, scope), await openEdge(engines, origin.url, behind, scope)]
  const users = await insertUsers(engines, LOGOUTS)
  const tokens = (await loadTokenSource(engines, PUBLIC_URL, users)).tokens(LOGOUTS)

  const warm = await watchWarm(engines, edges, tokens)
  const reachesMs: number[] = []
  for (let i = 0; i < LOGOUTS; i += LOGOUTS_AT_ONCE) {
    const batch = users.slice(i, i + LOGOUTS_AT_ONCE)
    const batches = batch.map((user, k) => logOut(origin.url, edges, user, tokens[i + k] ?? ''))
    reachesMs.push(...(await Promise.all(batches)).flat())
  }
  const reach = distribute(reachesMs)
  return {
    ...warm,
    metrics: {
      'reach p50': quantileOf(reach, 0.5),
      'reach p99': quantileOf(reach, 0.99),
      'reach, worst': quantileOf(reach, 1),
      ...warm.metrics
    },
    latencies: { ...warm.latencies, reach }
  }
}

function openEdge(engines: Engines, issuerUrl: string, behind: ConstantOrigin, scope: Scope): Promise<RunningWorker> {
  const bindings = edgeBindings({ ...engines, originUrl: behind.url, publicUrl: PUBLIC_URL })
  return openWorker({ bindings: { ...bindings, JWKS_URL: `${issuerUrl}/.well-known/jwks.json` } }, scope)
}

/** Sends warm requests to both edges while Redis is slow. */
async function watchWarm(
  engines: Engines,
  edges: readonly RunningWorker[],
  tokens: readonly string[]
): Promise<Measured & Required<Pick<Measured, 'latencies'>>> {
  const requests = requestsWith(tokens, PATH)
  const send = (warmSeconds: number, seconds: number) =>
    Promise.all(edges.map(edge => loadEdge(edge, requests, warmSeconds, seconds)))
  // Warm pass: every token is sent more than once.
  const before = await send(1.2, 0.1)
  await engines.delayRedis(REDIS_DELAY_MS)
  const callsBefore = await engines.redisCalls()
  const loads = await send(RAMP_UP_SECONDS, WARM.seconds)
  const calls = (await engines.redisCalls()) - callsBefore
  await engines.delayRedis(0)
  return {
    metrics: {
      'waited for Redis': loads.reduce((sum, { slow }) => sum + slow, 0),
      'warm p99': Math.max(...loads.map(({ latency }) => quantileOf(latency, 0.99))),
      renewals: calls / (RAMP_UP_SECONDS + WARM.seconds) / edges.length
    },
    ...sumErrors([...before, ...loads]),
    latencies: Object.fromEntries(loads.map(({ latency }, i) => [`warm, edge ${i + 1}`, latency]))
  }
}

/** Loads one edge and counts the answers that took at least as long as a Redis call. */
async function loadEdge(
  { url }: RunningWorker,
  requests: readonly Buffer[],
  warmSeconds: number,
  seconds: number
): Promise<Loaded & { readonly slow: number }> {
  const next = inTurn(requests)
  const sentMs: number[] = []
  let slow = 0
  const loaded = await load({
    ...WARM,
    url,
    warmSeconds,
    seconds,
    next: connection => {
      sentMs[connection] = performance.now()
      return next()
    },
    onAnswer: connection => {
      if (performance.now() - (sentMs[connection] ?? 0) >= REDIS_DELAY_MS) slow++
    }
  })
  return { ...loaded, slow }
}

/** Logs out. Returns for each edge how long after the answer the last request began that still passed. */
async function logOut(
  originUrl: string,
  edges: readonly RunningWorker[],
  { refreshToken }: InsertedUser,
  token: string
): Promise<number[]> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ refreshToken })
  const response = await fetch(`${originUrl}${API}/auth/logout`, { method: 'POST', headers, body })
  const endedMs = performance.now()
  const text = await response.text()
  if (response.status !== 200) throw new Error(`the logout was answered ${response.status}: ${text.slice(0, 200)}`)
  return Promise.all(edges.map(({ url }) => lastPassMs(url, token, endedMs)))
}

async function lastPassMs(url: string, token: string, endedMs: number): Promise<number> {
  let last = 0
  for (;;) {
    const begunMs = performance.now() - endedMs
    if (begunMs > GIVE_UP_MS) throw new Error(`an edge still let a token pass ${begunMs} ms after its logout`)
    const response = await fetch(url + PATH, { headers: { authorization: `Bearer ${token}` } })
    const text = await response.text()
    if (response.status === 401 && text.includes('"session-ended"')) return last
    if (response.status !== 200) throw new Error(`the edge answered ${response.status}: ${text.slice(0, 200)}`)
    last = begunMs
    await new Promise(resolve => setTimeout(resolve, PROBE_EVERY_MS))
  }
}
