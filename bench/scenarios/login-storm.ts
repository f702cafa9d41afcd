/** A hundred simultaneous logins, and their effect on other requests. */

import { cpus } from 'node:os'
import { type Engines, loadTokenSource, openEngines } from '../lib/engines.ts'
import { sumErrors } from '../lib/errors.ts'
import { type Loaded, load } from '../lib/load.ts'
import { API, type OriginProcess, openOriginProcess, PUBLIC_URL } from '../lib/origin-process.ts'
import { type RegisteredUser, registerUsers } from '../lib/registered-users.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { median, quantileOf } from '../lib/statistics.ts'
import { each, inTurn, requestsWith } from '../lib/token-requests.ts'
import { askBcrypt, COST } from './login.ts'

const CONNECTIONS = 100
/** More than the queue accepts: on two cores it holds a hundred. */
const OVERLOAD_CONNECTIONS = 200
const PROBES_PER_SECOND = 100
const USERS = 24
const STORM = { warmSeconds: 1.2, seconds: 3.3 }

/** Measures logins and other requests under full load. */
export const loginStorm: Scenario = {
  name: 'login-storm',
  title: 'A login storm: 100 connections sign in without a pause',
  about:
    'For comparison, cores ÷ the time of one bcrypt: the limit of the machine if a login were nothing but bcrypt. ' +
    'During the storm, verify-token is requested a hundred times a second (open loop, a new token each time), and the ' +
    `delay of the event loop is measured inside the origin. Then ${OVERLOAD_CONNECTIONS} connections sign in at once: ` +
    'requests that do not fit into the queue get a 503, which counts as a refusal and not as an error.',
  metrics: {
    logins: { unit: '/s', better: 'higher', means: 'Logins a second; for bcrypt alone, cores ÷ its time' },
    'all cores': { unit: '/s', better: 'higher', means: 'Comparisons a second of bcrypt alone, on all cores at once' },
    'verify p50': { unit: 'ms', better: 'lower', means: 'verify-token during the storm, from when it was due' },
    'verify p99': { unit: 'ms', better: 'lower', means: 'verify-token during the storm, from when it was due' },
    'loop p99': { unit: 'ms', better: 'lower', means: 'Delay of the event loop' },
    refused: { unit: '', better: 'lower', means: 'Answers of 503 under overload' },
    'refused p99': { unit: 'ms', better: 'lower', means: '99th percentile of the time to a 503 under overload' }
  },
  seconds: { full: 58, quick: 36 },
  fullOnly: true,
  async open(scope) {
    const engines = await openEngines(scope)
    const first = await scope.child()
    const users = await registerUsers((await openOriginProcess(engines, first)).url, USERS)
    await first.close()
    return [
      { name: 'bcrypt alone', round: measureBcrypt },
      { name: 'Gatehouse', round: inner => measureStorm(engines, users, inner) }
    ]
  }
}

async function measureBcrypt(scope: Scope): Promise<Measured> {
  const { singleMs, perSecondOnAllCores } = await askBcrypt({ cost: COST, single: 4, perCore: 4 }, scope)
  const metrics = { logins: (1000 * cpus().length) / median(singleMs), 'all cores': perSecondOnAllCores }
  return { metrics, errors: 0 }
}

async function measureStorm(engines: Engines, users: readonly RegisteredUser[], scope: Scope): Promise<Measured> {
  const origin = await openOriginProcess(engines, scope)
  const [storm, probes, loopMs] = await Promise.all([
    logInFrom(CONNECTIONS, STORM, origin, users),
    probe(engines, origin, users),
    watchLoop(origin)
  ])
  const overload = await logInFrom(OVERLOAD_CONNECTIONS, { warmSeconds: 0, seconds: 1.4 }, origin, users)
  // The queue holds a hundred logins, so a refusal during the storm is an error.
  const inStorm = { errors: storm.refused.count, errorKinds: { 'refused in the storm': storm.refused.count } }
  return {
    metrics: {
      logins: storm.perSecond,
      'verify p50': quantileOf(probes.latency, 0.5),
      'verify p99': quantileOf(probes.latency, 0.99),
      'loop p99': loopMs,
      refused: overload.refused.count,
      'refused p99': quantileOf(overload.refused, 0.99)
    },
    ...sumErrors([storm, probes, overload, inStorm]),
    latencies: { 'verify-token during the storm': probes.latency, 'a 503': overload.refused }
  }
}

function logInFrom(
  connections: number,
  times: { readonly warmSeconds: number; readonly seconds: number },
  { url }: OriginProcess,
  users: readonly RegisteredUser[]
): Promise<Loaded> {
  const next = inTurn(users.map(({ login }) => login))
  return load({ url, connections, ...times, refusals: [503], next })
}

async function probe(engines: Engines, { url }: OriginProcess, users: readonly RegisteredUser[]): Promise<Loaded> {
  const source = await loadTokenSource(engines, PUBLIC_URL, users)
  const next = each(requestsWith(source.tokens(12 * PROBES_PER_SECOND), `${API}/auth/verify-token`))
  return load({ url, connections: 10, ...STORM, perSecond: PROBES_PER_SECOND, next })
}

async function watchLoop({ loopDelay }: OriginProcess): Promise<number> {
  await new Promise(resolve => setTimeout(resolve, STORM.warmSeconds * 1000))
  await loopDelay('begin')
  await new Promise(resolve => setTimeout(resolve, STORM.seconds * 1000))
  return loopDelay('read')
}
