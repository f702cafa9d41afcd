/** What a quota costs, and what it lets through. */

import { openNodeProcess } from '../lib/node-process.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { distribute, quantileOf } from '../lib/statistics.ts'
import type { QuotaQuestion, ShareResult, WithoutRedisTimes } from '../processes/quota.ts'

const QUOTA = 600
const WINDOW_SECONDS = 60
const INSTANCES = 4
/** Each round begins elsewhere in the minute: how a window that is counted by the clock treats a client depends on it. */
const PHASE_STEP_MS = 17_321

export const quota: Scenario = {
  name: 'quota',
  title: `A quota of ${QUOTA} a minute`,
  about:
    'The limiters themselves, over the REST endpoint and the Redis engine, on a driven clock: minutes take seconds, and the ' +
    'network no time. Honest: exactly the quota, evenly paced, once in each turn of 100 ms, at one instance; where it is ' +
    'refused it keeps silent for as long as it was told, and does not make up for it. By header: it was told in whole ' +
    'seconds, as Retry-After has it. Greedy: ten times the quota, at ' +
    `${INSTANCES} instances, whatever it is told. The first minute is not counted. Adversary: bursts of twice the quota, ` +
    'placed around the borders of windows and slices. Gone, on the real clock: the port of Redis refuses; silent: it takes ' +
    'calls and never answers.',
  metrics: {
    'calls honest': {
      unit: '',
      better: 'lower',
      means: 'Calls of Redis for a request of the honest client that passed'
    },
    'calls greedy': {
      unit: '',
      better: 'lower',
      means: 'Calls of Redis for a request of the greedy client that passed'
    },
    honest: { unit: '×', better: 'higher', means: 'What passed of the honest client, of what it was entitled to' },
    'honest, by header': { unit: '×', better: 'higher', means: 'The same where waits are told in whole seconds' },
    greedy: { unit: '×', better: 'higher', means: 'What passed of the greedy client, of the quota for each minute' },
    'worst window': { unit: '×', better: 'lower', means: 'The most that passed in any window, of the quota' },
    'gone, first': { unit: 'ms', better: 'lower', means: 'The first answer once the port of Redis refuses' },
    'gone, later p99': { unit: 'ms', better: 'lower', means: 'The thousand after it' },
    'silent, first': {
      unit: 'ms',
      better: 'lower',
      means: 'The first answer once Redis takes calls and never answers'
    },
    'silent, later p99': { unit: 'ms', better: 'lower', means: 'The thousand after it' }
  },
  // On a driven clock a round differs from the next by its phase alone.
  rounds: { full: 2, quick: 1 },
  seconds: { full: 25, quick: 4 },
  async open(scope) {
    let turn = 0
    const limiters = ['Gatehouse', ...scope.pick(['@upstash/ratelimit'] as const, [])] as const
    return limiters.map(limiter => ({
      name: limiter,
      round: inner => measure(limiter, (PHASE_STEP_MS * turn++) % (1000 * WINDOW_SECONDS), inner)
    }))
  }
}

async function measure(limiter: QuotaQuestion['limiter'], phaseMs: number, scope: Scope): Promise<Measured> {
  const file = new URL('../processes/quota.ts', import.meta.url)
  const open = async () => {
    const child = scope.closing(await openNodeProcess({ file }))
    const shared = { limiter, quota: QUOTA, windowSeconds: WINDOW_SECONDS, instances: INSTANCES }
    return <Answer>(ask: QuotaQuestion['ask']) => child.ask<Answer>({ ...shared, ask } satisfies QuotaQuestion)
  }
  const [ask, askWithoutRedis] = [await open(), await open()]
  const isOurs = limiter === 'Gatehouse'
  // One that waits seconds for a Redis that is gone is asked nothing afterwards: it would be as long again.
  const later = isOurs ? 1_000 : 0
  const gone = askWithoutRedis<WithoutRedisTimes>({ redis: 'gone', later })
  // Ours is timed to the hundredth of a millisecond, and alone; the other only waits.
  if (isOurs) await gone
  const silent = askWithoutRedis<WithoutRedisTimes>({ redis: 'silent', later })
  if (isOurs) await silent
  const windows = scope.pick(5, 3)
  const honest = await ask<ShareResult>({ client: 'honest', windows, phaseMs, waitUnitMs: 1 })
  const byHeader = await ask<ShareResult>({ client: 'honest', windows, phaseMs, waitUnitMs: 1_000 })
  const greedy = await ask<ShareResult>({ client: 'greedy', windows, phaseMs })
  const most = await ask<number>({ client: 'adversary', phaseMs })
  return {
    metrics: {
      'calls honest': honest.callsPerAdmitted,
      'calls greedy': greedy.callsPerAdmitted,
      honest: honest.share,
      'honest, by header': byHeader.share,
      greedy: greedy.share,
      'worst window': most / QUOTA,
      ...failing('gone', await gone),
      ...failing('silent', await silent)
    },
    errors: 0
  }
}

function failing(how: 'gone' | 'silent', { firstMs, laterMs }: WithoutRedisTimes): Record<string, number> {
  const later = laterMs.length > 0 && { [`${how}, later p99`]: quantileOf(distribute(laterMs), 0.99) }
  return { [`${how}, first`]: firstMs, ...later }
}
