/** The share of the production code that a whole run must cover, and the programs that are not part of it. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const C8 = fileURLToPath(import.meta.resolve('c8/bin/c8.js'))
const COVERED = ['server/**', 'edge/**', 'db/**']
const LEAST_PERCENT = '95'

/**
 * For the environment of a program without coverage of its own. Node passes the variable on to every child process, and a
 * compiler takes half as long again under it.
 */
export const WITHOUT_COVERAGE = { NODE_V8_COVERAGE: '' }

/** Prints the summary. Returns whether the coverage is sufficient. */
export async function checkCoverage(dir: string): Promise<boolean> {
  const child = spawn(
    process.execPath,
    [
      ...[C8, 'report', '--temp-directory', dir, '--reporter', 'text-summary', '--check-coverage'],
      ...['--lines', LEAST_PERCENT, '--branches', LEAST_PERCENT],
      ...COVERED.flatMap(pattern => ['--include', pattern])
    ],
    { stdio: 'inherit' }
  )
  const [code] = await once(child, 'exit')
  return code === 0
}
