/** Refreshing sessions, beside the one SQL statement that a refresh needs. */

import postgres from 'postgres'
import { type Engines, openEngines } from '../lib/engines.ts'
import { sumErrors } from '../lib/errors.ts'
import { load } from '../lib/load.ts'
import { openNodeProcess } from '../lib/node-process.ts'
import { API, openOriginProcess } from '../lib/origin-process.ts'
import { rawRequest } from '../lib/raw-request.ts'
import { registerUsers } from '../lib/registered-users.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { distribute, quantileOf } from '../lib/statistics.ts'
import type { UpdateTask, UpdateTimes } from '../processes/bare-update.ts'

/** The size of the origin's connection pool. */
const CONNECTIONS = 10
const WARM_SECONDS = 0.4
const SECONDS = 1

/** Measures refreshes, one and ten at a time. */
export const refresh: Scenario = {
  name: 'refresh',
  title: 'POST /auth/refresh',
  about:
    'Chains of refresh tokens, each from the answer to the one before. For comparison, UPDATE … RETURNING by primary key ' +
    'on the same table, over the same driver, in a process without HTTP, tokens or cookies. Both wait for the disk once. ' +
    'First ten at once, which warms both up, then one at a time.',
  metrics: {
    time: { unit: 'ms', better: 'lower', means: 'Median time, one at a time' },
    p99: { unit: 'ms', better: 'lower', means: '99th percentile, one at a time' },
    'ten at once': { unit: '/s', better: 'higher', means: 'Refreshes a second, ten at once' }
  },
  seconds: { full: 42, quick: 30 },
  fullOnly: true,
  async open(scope) {
    const engines = await openEngines(scope)
    const first = await scope.child()
    await registerUsers((await openOriginProcess(engines, first, CHEAP)).url, CONNECTIONS)
    await first.close()
    const sql = postgres(engines.databaseUrl, { max: 1, onnotice: () => {} })
    const ids = (await sql<{ id: string }[]>`select id from sessions`).map(({ id }) => id)
    await sql.end()
    return [
      { name: 'bare UPDATE', round: inner => updateRows(engines, ids, inner) },
      { name: 'Gatehouse', round: inner => refreshChains(engines, inner) }
    ]
  }
}

/** Cheap hashes, because logins are not measured here. Without a grace period every refresh rotates. */
const CHEAP = { BCRYPT_COST: '10', REFRESH_GRACE: '0' }

async function updateRows(engines: Engines, ids: readonly string[], scope: Scope): Promise<Measured> {
  const child = scope.closing(await openNodeProcess({ file: new URL('../processes/bare-update.ts', import.meta.url) }))
  const run = (connections: number) =>
    child.ask<UpdateTimes>({
      databaseUrl: engines.databaseUrl,
      ids,
      connections,
      warmSeconds: WARM_SECONDS,
      seconds: SECONDS
    } satisfies UpdateTask)
  const ten = await run(CONNECTIONS)
  const one = distribute(await run(1))
  return {
    metrics: { time: quantileOf(one, 0.5), p99: quantileOf(one, 0.99), 'ten at once': ten.length / SECONDS },
    errors: 0,
    latencies: { 'bare UPDATE, one at a time': one }
  }
}

async function refreshChains(engines: Engines, scope: Scope): Promise<Measured> {
  const { url } = await openOriginProcess(engines, scope, CHEAP)
  // New users each round: an answer that was cut off at the end of a round would break the chain of the next.
  const chains = (await registerUsers(url, CONNECTIONS)).map(({ refreshToken }) => refreshToken)
  const run = (connections: number) =>
    load({
      url,
      connections,
      warmSeconds: WARM_SECONDS,
      seconds: SECONDS,
      next: connection =>
        rawRequest({ method: 'POST', path: `${API}/auth/refresh`, body: { refreshToken: chains[connection] } }),
      onAnswer: (connection, status, body) => {
        if (status === 200) chains[connection] = JSON.parse(body).refreshToken
      }
    })
  const ten = await run(CONNECTIONS)
  const one = await run(1)
  return {
    metrics: {
      time: quantileOf(one.latency, 0.5),
      p99: quantileOf(one.latency, 0.99),
      'ten at once': ten.perSecond
    },
    ...sumErrors([one, ten]),
    latencies: { 'Gatehouse, one at a time': one.latency }
  }
}
