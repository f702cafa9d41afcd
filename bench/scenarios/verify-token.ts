/** Checking tokens over HTTP at the origin, without an edge. */

import { type Engines, loadTokenSource, openEngines } from '../lib/engines.ts'
import { sumErrors } from '../lib/errors.ts'
import { type Loaded, load } from '../lib/load.ts'
import { openNodeProcess } from '../lib/node-process.ts'
import { API, openOriginProcess, PUBLIC_URL } from '../lib/origin-process.ts'
import { registerUsers } from '../lib/registered-users.ts'
import type { Measured, Metric, Scenario, Scope } from '../lib/scenario.ts'
import { each, inTurn, requestsWith } from '../lib/token-requests.ts'
import type { TokenMaterial } from '../lib/tokens.ts'
import type { PeerQuestion } from '../processes/peer-server.ts'

const PATH = `${API}/auth/verify-token`

/** The users of the tokens, each with a live session. */
const USERS = 20
/** The tokens that are sent repeatedly. */
const RETURNING = 500
/** More than the fastest variant verifies on a current machine. */
const FRESH_PER_SECOND = 14_000
/** The seconds of the warm pass: V8 compiles a new server during its first ten thousand answers. */
const WARM_PASS = { full: { returning: 1.1, fresh: 0.7 }, quick: { returning: 0.8, fresh: 0.4 } }
/** The seconds of each load after it. */
const TIMES = { warmSeconds: 0.15, seconds: 0.4 }

interface Server {
  readonly url: string
  readonly pid: number
}

interface Requests {
  readonly returning: readonly Buffer[]
  /** For the warm pass. */
  readonly warm: readonly Buffer[]
  /** One list for each number of connections. */
  readonly fresh: readonly (readonly Buffer[])[]
}

const perSecond = (means: string): Metric => ({ unit: '/s', better: 'higher', means })
const cpu = (means: string): Metric => ({ unit: 'µs', better: 'lower', means })

/** Measures verify-token beside the same route in other servers. */
export const verifyToken: Scenario = {
  name: 'verify-token',
  title: 'GET /auth/verify-token on the origin',
  about:
    `Returning: ${RETURNING} tokens in turn. First: every token once. Each with 100 and 1,000 connections, closed loop. CPU ` +
    'is that of the server process per answer, all threads. If the load generator is the limit (busy near 1), compare CPU.',
  metrics: {
    'returning 100': perSecond('Answers a second, returning tokens, 100 connections'),
    'returning 1000': perSecond('Answers a second, returning tokens, 1,000 connections'),
    'first 100': perSecond('Answers a second, new tokens, 100 connections'),
    'first 1000': perSecond('Answers a second, new tokens, 1,000 connections'),
    'cpu returning 100': cpu('CPU time per answer, returning tokens, 100 connections'),
    'cpu returning 1000': cpu('CPU time per answer, returning tokens, 1,000 connections'),
    'cpu first 100': cpu('CPU time per answer, new tokens, 100 connections'),
    'cpu first 1000': cpu('CPU time per answer, new tokens, 1,000 connections'),
    busy: { unit: '', better: 'lower', means: 'The share of a core that the load generator used, at most' }
  },
  seconds: { full: 110, quick: 24 },
  async open(scope) {
    const engines = await openEngines(scope)
    const first = await scope.child()
    const users = await registerUsers((await openOriginProcess(engines, first, { BCRYPT_COST: '10' })).url, USERS)
    const source = await loadTokenSource(engines, PUBLIC_URL, users)
    await first.close()

    const connections = scope.pick([100, 1000], [100])
    const warmSeconds = scope.pick(WARM_PASS.full, WARM_PASS.quick)
    const fresh = (seconds: number) => requestsWith(source.tokens(Math.ceil(FRESH_PER_SECOND * seconds)), PATH)
    const requests: Requests = {
      returning: requestsWith(source.tokens(RETURNING), PATH),
      warm: fresh(warmSeconds.fresh),
      fresh: connections.map(() => fresh(TIMES.warmSeconds + TIMES.seconds))
    }
    const { material } = source
    const measured = (open: (inner: Scope) => Promise<Server>) => async (inner: Scope) => {
      const server = await open(inner)
      const warm = await warmUp(server, requests, warmSeconds)
      return loadAll(server, requests, connections, warm)
    }
    return [
      { name: 'Express 5', round: measured(inner => openPeer('express', material, inner)) },
      { name: 'bare node:http', round: measured(inner => openPeer('bare', material, inner)) },
      { name: 'Gatehouse', round: measured(inner => openOrigin(engines, inner)) }
    ]
  }
}

const openOrigin = (engines: Engines, scope: Scope): Promise<Server> => openOriginProcess(engines, scope)

async function openPeer(peer: PeerQuestion['peer'], material: TokenMaterial, scope: Scope): Promise<Server> {
  const child = scope.closing(
    await openNodeProcess({
      file: new URL('../processes/peer-server.ts', import.meta.url),
      env: { NODE_ENV: 'production' }
    })
  )
  const url = await child.ask<string>({ peer, material, path: PATH } satisfies PeerQuestion)
  return { url, pid: child.pid }
}

/** The warm pass, of which only errors count. */
async function warmUp(
  { url }: Server,
  requests: Requests,
  seconds: { readonly returning: number; readonly fresh: number }
): Promise<readonly Loaded[]> {
  const options = { url, connections: 100, warmSeconds: 0 }
  const fresh = await load({ ...options, seconds: seconds.fresh, next: each(requests.warm) })
  return [fresh, await load({ ...options, seconds: seconds.returning, next: inTurn(requests.returning) })]
}

async function loadAll(
  { url, pid }: Server,
  requests: Requests,
  counts: readonly number[],
  warm: readonly Loaded[]
): Promise<Measured> {
  const loads: Record<string, Loaded> = {}
  const options = { url, ...TIMES, processes: { server: pid } }
  for (const [i, connections] of counts.entries()) {
    loads[`returning ${connections}`] = await load({ ...options, connections, next: inTurn(requests.returning) })
    loads[`first ${connections}`] = await load({ ...options, connections, next: each(requests.fresh[i] ?? []) })
  }
  const all = Object.entries(loads)
  return {
    metrics: {
      ...Object.fromEntries(all.map(([name, loaded]) => [name, loaded.perSecond])),
      ...Object.fromEntries(all.map(([name, loaded]) => [`cpu ${name}`, loaded.cpuMicros.server ?? Number.NaN])),
      busy: Math.max(...all.map(([, { generatorBusy }]) => generatorBusy))
    },
    ...sumErrors([...warm, ...Object.values(loads)]),
    latencies: Object.fromEntries(all.map(([name, { latency }]) => [name, latency]))
  }
}
