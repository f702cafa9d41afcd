/** Verifying remembered tokens. */

import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { median } from '../lib/statistics.ts'
import { createTokenSource } from '../lib/tokens.ts'
import type { WorkerTask } from '../processes/verify-worker.ts'
import { CPU_TIME, verifyInProcess } from './verify-node.ts'
import { startTask } from './verify-workerd.ts'

const NODE_VARIANTS = [
  { name: 'Gatehouse, on Node', verifier: 'Gatehouse, remembering' },
  { name: 'fast-jwt, cached, on Node', verifier: 'fast-jwt, cached' }
] as const

/** Fewer than either cache holds, so that each is a hit. */
const TOKENS = 200
const PASSES = 20
/** Two requests that differ in nothing but how often they verify the tokens. */
const FEW_PASSES = 5
const MANY_PASSES = 205

/** Measures hits of the token memory, on Node and in workerd. */
export const verifyRemembered: Scenario = {
  name: 'verify-remembered',
  title: 'Verifying remembered tokens',
  about:
    `${TOKENS} tokens in turn, each verified and remembered before the measurement. A hit still checks the expiry. ` +
    'fast-jwt finds a token by its hash, as its README recommends. In workerd the client measures, as in verify-workerd.',
  metrics: {
    time: { unit: 'µs', better: 'lower', means: 'Median time per remembered token' },
    cpu: CPU_TIME
  },
  seconds: { full: 8, quick: 5 },
  async open(scope) {
    const { material, tokens } = createTokenSource()
    const remembered = tokens(TOKENS)
    const batches = Array.from({ length: scope.pick(20, 10) }, () => remembered)
    const warm = Array.from({ length: 50 }, () => remembered).flat()
    const task: WorkerTask = { verifier: 'Gatehouse, remembering', material, tokens: remembered }
    return [
      ...NODE_VARIANTS.map(({ name, verifier }) => ({
        name,
        round: (inner: Scope) => verifyInProcess({ verifier, material, warm, batches, passes: PASSES }, inner)
      })),
      {
        name: 'Gatehouse, in workerd',
        round: (inner: Scope) => verifyRememberedInWorkerd(task, scope.pick(10, 6), inner)
      }
    ]
  }
}

async function verifyRememberedInWorkerd(task: WorkerTask, pairs: number, scope: Scope): Promise<Measured> {
  const ask = await startTask(task, scope)
  let failures = 0
  const [micros, cpuMicros]: [number[], number[]] = [[], []]
  const pass = async (passes: number) => {
    const answer = await ask({ from: 0, count: TOKENS, passes })
    failures += answer.failures
    return answer
  }
  const more = (MANY_PASSES - FEW_PASSES) * TOKENS
  for (let warm = 0; warm < 5; warm++) await pass(FEW_PASSES)
  for (let pair = 0; pair < pairs; pair++) {
    const [few, many] = [await pass(FEW_PASSES), await pass(MANY_PASSES)]
    micros.push(((many.ms - few.ms) * 1000) / more)
    cpuMicros.push(((many.cpuMs - few.cpuMs) * 1000) / more)
  }
  return { metrics: { time: median(micros), cpu: median(cpuMicros) }, errors: failures }
}
