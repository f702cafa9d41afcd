/** Verifying an access token on Node that was never seen before. */

import { openNodeProcess } from '../lib/node-process.ts'
import type { Measured, Metric, Scenario, Scope } from '../lib/scenario.ts'
import { median } from '../lib/statistics.ts'
import { createTokenSource } from '../lib/tokens.ts'
import type { NodeVerifierName, VerifyTask, VerifyTimes } from '../processes/node-verifier.ts'

/** Shared by the scenarios that verify in one process. */
export const CPU_TIME: Metric = {
  unit: 'µs',
  better: 'lower',
  means: 'CPU time of all threads for one token: what a neighbour on the machine cannot lengthen'
}

const FILE = new URL('../processes/node-verifier.ts', import.meta.url)

const BARE_ON_NODE: readonly NodeVerifierName[] = ['bare, DER', 'bare, P1363']
const PEERS: readonly NodeVerifierName[] = ['fast-jwt', 'jose', 'jsonwebtoken', 'hono/jwt']
const BATCH = 250
/** After fewer, the engine is still compiling. */
const WARM = 3000

export const verifyNode: Scenario = {
  name: 'verify-node',
  title: 'ES256, a token seen for the first time, on Node',
  about:
    'One process, one token after the other, every token only once. Bare is the signature check and nothing else; ' +
    'all others also read header, claims and times. Libraries over WebCrypto hand each check to the thread pool: what ' +
    'they cost here is the way there and back, and behind a busy pool it is far more.',
  metrics: {
    time: { unit: 'µs', better: 'lower', means: 'Median time for one token, over batches' },
    cpu: CPU_TIME
  },
  seconds: { full: 42, quick: 8 },
  async open(scope) {
    const source = createTokenSource()
    // The same for all: each process is new and has seen none of them.
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
