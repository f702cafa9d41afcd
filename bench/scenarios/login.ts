/** Logins, one at a time. */

import { type Engines, openEngines } from '../lib/engines.ts'
import { load } from '../lib/load.ts'
import { openNodeProcess } from '../lib/node-process.ts'
import { openOriginProcess } from '../lib/origin-process.ts'
import { type RegisteredUser, registerUsers } from '../lib/registered-users.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { distribute, median, quantileOf } from '../lib/statistics.ts'
import { inTurn } from '../lib/token-requests.ts'
import type { BcryptTask, BcryptTimes } from '../processes/bcrypt.ts'

/** The default of `BCRYPT_COST`. */
export const COST = 12

/** Measures a single login. */
export const login: Scenario = {
  name: 'login',
  title: 'POST /auth/login, one at a time',
  about:
    'One connection to the origin, a different user each time, correct passwords from known devices. For comparison, one ' +
    'bcrypt of the same cost in a process of its own. The difference is everything except bcrypt: guards in Redis, two ' +
    'statements in PostgreSQL that wait for the disk, two tokens.',
  metrics: {
    time: { unit: 'ms', better: 'lower', means: 'Median time to the last byte of the answer' },
    worst: { unit: 'ms', better: 'lower', means: 'The slowest login of the round' }
  },
  seconds: { full: 42, quick: 12 },
  async open(scope) {
    const engines = await openEngines(scope)
    const first = await scope.child()
    const users = await registerUsers((await openOriginProcess(engines, first)).url, scope.pick(12, 4))
    await first.close()
    const single = scope.pick(8, 5)
    return [
      { name: 'bcrypt alone', round: inner => hashOneAtATime({ cost: COST, single, perCore: 0 }, inner) },
      { name: 'Gatehouse', round: inner => logInOneAtATime(engines, users, inner) }
    ]
  }
}

async function hashOneAtATime(task: BcryptTask, scope: Scope): Promise<Measured> {
  const { singleMs } = await askBcrypt(task, scope)
  const latency = distribute(singleMs)
  return {
    metrics: { time: median(singleMs), worst: quantileOf(latency, 1) },
    errors: 0,
    latencies: { 'bcrypt alone': latency }
  }
}

/** Runs bcrypt in a process of its own. */
export async function askBcrypt(task: BcryptTask, scope: Scope): Promise<BcryptTimes> {
  const child = scope.closing(await openNodeProcess({ file: new URL('../processes/bcrypt.ts', import.meta.url) }))
  return child.ask<BcryptTimes>(task)
}

async function logInOneAtATime(engines: Engines, users: readonly RegisteredUser[], scope: Scope): Promise<Measured> {
  const { url } = await openOriginProcess(engines, scope)
  const { latency, errors, errorKinds } = await load({
    url,
    connections: 1,
    warmSeconds: scope.pick(0.6, 0.4),
    seconds: scope.pick(1.8, 1.2),
    next: inTurn(users.map(user => user.login))
  })
  return {
    metrics: { time: quantileOf(latency, 0.5), worst: quantileOf(latency, 1) },
    errors,
    errorKinds,
    latencies: { Gatehouse: latency }
  }
}
