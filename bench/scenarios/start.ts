/** The time from the start of a process to its first answer. */

import { join } from 'node:path'
import { type Engines, openEngines } from '../lib/engines.ts'
import { openNodeProcess } from '../lib/node-process.ts'
import { openOriginProcess } from '../lib/origin-process.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'

/** Measures the start of an origin and of the local system. */
export const start: Scenario = {
  name: 'start',
  title: 'From the start of the process to the first 200',
  about:
    'The origin: server/main.ts on a migrated database, until /health/ready answers 200. That includes loading modules, ' +
    'checking migrations, the list of leaked passwords and one bcrypt for the decoy hash. The local system: PostgreSQL, ' +
    'Redis, mailbox, origin and the bundled edge, started for the second time, until the edge answers 200.',
  metrics: {
    time: { unit: 's', better: 'lower', means: 'Time to the first 200' }
  },
  seconds: { full: 26, quick: 18 },
  fullOnly: true,
  async open(scope) {
    const engines = await openEngines(scope)
    const dataDir = join(scope.dir, 'system')
    // The first starts create the schema, a signing key and the cluster, which later ones find.
    const first = await scope.child()
    await openOriginProcess(engines, first)
    await startSystem(dataDir, first)
    await first.close()
    return [
      { name: 'origin', round: inner => startOrigin(engines, inner) },
      { name: 'local system', round: inner => startSystem(dataDir, inner) }
    ]
  }
}

async function startOrigin(engines: Engines, scope: Scope): Promise<Measured> {
  const { readyMs } = await openOriginProcess(engines, scope)
  return { metrics: { time: readyMs / 1000 }, errors: 0 }
}

async function startSystem(dataDir: string, scope: Scope): Promise<Measured> {
  const startedMs = performance.now()
  const child = await openNodeProcess({ file: new URL('../processes/local-system.ts', import.meta.url) })
  scope.closing(child)
  await child.ask({ dataDir })
  const readyMs = performance.now() - startedMs
  await child.ask('close')
  return { metrics: { time: readyMs / 1000 }, errors: 0 }
}
