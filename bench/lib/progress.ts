/** Shows the current measurement and the estimated time left, on one line. */

import type { Scenario } from './scenario.ts'

/** A progress line. */
export interface Progress {
  /** @param done the share of the scenario that is done, 0 to 1 */
  show(step: { scenario: string; variant: string; round: number; of: number; done: number }): void
  /** Clears the line before other output. */
  clear(): void
}

/** Writes to `stream`: on a terminal one line that is rewritten, otherwise one line per round. */
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
    // The expected times of the scenarios, corrected by the pace so far after the first seconds.
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
