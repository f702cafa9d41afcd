/** Verifying new access tokens on Node. */

import { openNodeProcess } from '../lib/node-process.ts'
import type { Measured, Metric, Scenario, Scope } from '../lib/scenario.ts'
import { median } from '../lib/statistics.ts'
import { createTokenSource } from '../lib/tokens.ts'
import type { NodeVerifierName, VerifyTask, VerifyTimes } from '../processes/node-verifier.ts'

/** The CPU metric of the scenarios that verify in one process. */
export const CPU_TIME: Metric = {
  unit: 'µs',
  better: 'lower',
  means: 'CPU time of all threads per token, which other processes on the machine do not lengthen'
}

const FILE = new URL('../processes/node-verifier.ts', import.meta.url)

const BARE_ON_NODE: readonly NodeVerifierName[] = ['bare, DER', 'bare, P1363']
const PEERS: readonly NodeVerifierName[] = ['fast-jwt', 'jose', 'jsonwebtoken', 'hono/jwt']
const BATCH = 250
/** With a shorter warm pass, V8 would still be compiling. */
const WARM = 3000

/** Measures libraries on Node, one new token after the other. */
export const verifyNode: Scenario = {
  name: 'verify-node',
  title: 'Verifying new ES256 tokens on Node',
  about:
    'One process, one token after the other, every token only once. Bare is the signature check alone; the others also ' +
    'check header, claims and times. Libraries over WebCrypto pass each check to the thread pool, which costs a round trip ' +
    'here and far more when the pool is busy.',
  metrics: {
    time: { unit: 'µs', better: 'lower', means: 'Time per token, median of batches' },
    cpu: CPU_TIME
  },
  seconds: { full: 42, quick: 8 },
  async open(scope) {
    const source = createTokenSource()
    // All variants verify the same tokens: each process is new and remembers none.
    const warm = source.tokens(WARM)
    const batches = Array.from({ length: scope.pick(13, 10) }, () => source.tokens(BATCH))
    const names: NodeVerifierName[] = [...BARE_ON_NODE, 'Gatehouse', ...scope.pick(PEERS, [])]
    return names.map(name => ({
      name,
      round: inner => verifyInProcess({ verifier: name, material: source.material, warm, batches, passes: 1 }, inner)
    }))
  }
}

/** Runs one task in a process of its own. */
export async function verifyInProcess(task: VerifyTask, scope: Scope): Promise<Measured> {
  const child = scope.closing(await openNodeProcess({ file: FILE }))
  const { microsPerToken, cpuMicrosPerToken, failures } = await child.ask<VerifyTimes>(task)
  return {
    metrics: { time: median(microsPerToken), cpu: median(cpuMicrosPerToken) },
    errors: failures
  }
}
