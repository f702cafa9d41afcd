/** One line that says what is measured now and how long the rest will take. */

import type { Scenario } from './scenario.ts'

export interface Progress {
  /** @param done how much of the scenario is done, 0 to 1 */
  show(step: { scenario: string; variant: string; round: number; of: number; done: number }): void
  /** Leaves room for other text. */
  clear(): void
}

/** Writes to `stream`: one line that changes on a terminal, elsewhere a line for each scenario's rounds. */
export function createProgress(
  scenarios: readonly Scenario[],
  length: 'full' | 'quick',
  stream: NodeJS.WriteStream
): Progress {
  const startedMs = performance.now()
  const expected = scenarios.map(({ seconds }) => seconds[length])
  const total = expected.reduce((sum, seconds) => sum + seconds, 0)

  const secondsLeft = (name: string, done: number) => {
    const index = scenarios.findIndex(scenario => scenario.name === name)
    const before = expected.slice(0, index).reduce((sum, seconds) => sum + seconds, 0)
    const reached = before + done * (expected[index] ?? 0)
    // The table's guess, until enough has been seen to correct it by the pace so far.
    const pace = reached < 5 ? 1 : (performance.now() - startedMs) / 1000 / reached
    return Math.max(0, (total - reached) * pace)
  }
  let shown = ''
  return {
    show({ scenario, variant, round, of, done }) {
      const line = `${scenario} · ${variant} · round ${round} of ${of} · about ${clock(secondsLeft(scenario, done))} left`
      if (stream.isTTY) stream.write(`\r\x1b[2K${line}`)
      else if (`${scenario} ${round}` !== shown) stream.write(`${line}\n`)
      shown = `${scenario} ${round}`
    },
    clear: () => {
      if (stream.isTTY) stream.write('\r\x1b[2K')
    }
  }
}

/** `0:42`, `12:05`. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}
