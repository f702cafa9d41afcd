/** Results as a run produces them, made by hand for the tests. */

import { FORMAT, type RunResult, type ScenarioResult, summarizeVariant } from '../../bench/lib/results.ts'
import { distribute } from '../../bench/lib/statistics.ts'

/** A scenario with a metric `time` in µs: one list of rounds for each variant. */
export function scenarioOf(rounds: Readonly<Record<string, readonly number[]>>, errors = 0): ScenarioResult {
  const latencies = { asked: distribute(Array.from({ length: 2000 }, (_, i) => 0.1 + i / 100)) }
  return {
    name: 'verify',
    title: 'Verify <a token>',
    about: 'Read https://example.com "first"',
    metrics: { time: { unit: 'µs', better: 'lower', means: 'Time' } },
    variants: Object.entries(rounds).map(([name, values]) =>
      summarizeVariant(
        name,
        values.map(time => ({ metrics: { time }, errors, errorKinds: { 'status 500': errors }, latencies }))
      )
    ),
    seconds: 1
  }
}

/** A run of one scenario. */
export function runOf(scenario: ScenarioResult, quick = false): RunResult {
  return {
    format: FORMAT,
    startedAt: '2026-11-21T08:00:00.000Z',
    seconds: 60,
    quick,
    soak: false,
    command: 'npm run bench -- verify',
    machine: {
      cpu: 'A <fast> one',
      cores: 2,
      ramGib: 4,
      kernel: '6.1',
      node: '24.0.0',
      openssl: '3.5',
      load1: 0.1,
      versions: { jose: '6.0.0' },
      commit: 'abc'
    },
    scenarios: [scenario]
  }
}
