/** What a whole run has to cover of the code that runs in production. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const C8 = fileURLToPath(import.meta.resolve('c8/bin/c8.js'))
const COVERED = ['server/**', 'edge/**', 'db/**']
const LEAST_PERCENT = '95'

/** Prints the summary, and says whether it is enough. */
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
