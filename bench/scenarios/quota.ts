/** The Redis calls that a quota costs, and the requests that it admits. */

import { openNodeProcess } from '../lib/node-process.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { distribute, quantileOf } from '../lib/statistics.ts'
import type { QuotaQuestion, ShareResult, WithoutRedisTimes } from '../processes/quota.ts'

const QUOTA = 600
const WINDOW_SECONDS = 60
const INSTANCES = 4
/** Each round begins at another point of the minute, because clock windows treat a client differently by its phase. */
const PHASE_STEP_MS = 17_321

/** Measures the limiters with three clients, and without Redis. */
export const quota: Scenario = {
  name: 'quota',
  title: `A quota of ${QUOTA} a minute`,
  about:
    'The limiters alone, over the REST endpoint and the Redis engine, on a driven clock: minutes of traffic take seconds, ' +
    'and the network takes no time. The honest client asks one instance for exactly the quota, once per turn of 100 ms; ' +
    'after a refusal it waits as asked and does not make up for the lost turns. By header: its waits are whole seconds, as ' +
    `in Retry-After. The greedy client asks ${INSTANCES} instances for ten times the quota and ignores waits. The first ` +
    'minute is not counted. The attacker sends bursts of twice the quota around the borders of windows and slices. Gone, on ' +
    'the real clock: the port of Redis refuses connections. Silent: Redis accepts requests and never answers.',
  metrics: {
    'calls honest': {
      unit: '',
      better: 'lower',
      means: 'Redis calls per admitted request of the honest client'
    },
    'calls greedy': {
      unit: '',
      better: 'lower',
      means: 'Redis calls per admitted request of the greedy client'
    },
    honest: { unit: '×', better: 'higher', means: 'Admitted requests of the honest client, as a share of its quota' },
    'honest, by header': { unit: '×', better: 'higher', means: 'The same with waits in whole seconds' },
    greedy: {
      unit: '×',
      better: 'higher',
      means: 'Admitted requests of the greedy client per minute, as a share of the quota'
    },
    'worst window': {
      unit: '×',
      better: 'lower',
      means: 'The most admitted requests in any window, as a share of the quota'
    },
    'gone, first': { unit: 'ms', better: 'lower', means: 'The first answer after the port of Redis refuses' },
    'gone, later p99': { unit: 'ms', better: 'lower', means: '99th percentile of the next thousand answers' },
    'silent, first': {
      unit: 'ms',
      better: 'lower',
      means: 'The first answer after Redis stops answering'
    },
    'silent, later p99': { unit: 'ms', better: 'lower', means: '99th percentile of the next thousand answers' }
  },
  // On a driven clock, rounds differ only by their phase.
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
  // The peer waits seconds for each answer without Redis, so it is asked once only.
  const later = isOurs ? 1_000 : 0
  const gone = askWithoutRedis<WithoutRedisTimes>({ redis: 'gone', later })
  // Gatehouse answers within hundredths of a millisecond and is timed alone; the peer only waits.
  if (isOurs) await gone
  const silent = askWithoutRedis<WithoutRedisTimes>({ redis: 'silent', later })
  if (isOurs) await silent
  const windows = scope.pick(5, 3)
  const honest = await ask<ShareResult>({ client: 'honest', windows, phaseMs, waitUnitMs: 1 })
  const byHeader = await ask<ShareResult>({ client: 'honest', windows, phaseMs, waitUnitMs: 1_000 })
  const greedy = await ask<ShareResult>({ client: 'greedy', windows, phaseMs })
  const most = await ask<number>({ client: 'attacker', phaseMs })
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
