/** Verifying an access token in workerd that was never seen before. */

import { cpuMsOf } from '../lib/process-usage.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { median } from '../lib/statistics.ts'
import { createTokenSource } from '../lib/tokens.ts'
import { openWorker } from '../lib/worker.ts'
import type { WorkerTask, WorkerVerifierName } from '../processes/verify-worker.ts'
import { CPU_TIME } from './verify-node.ts'

const WORKER = new URL('../processes/verify-worker.ts', import.meta.url)

const PEERS: readonly WorkerVerifierName[] = ['jose', 'hono/jwt', '@tsndr/cloudflare-worker-jwt']
const WARM = 2000

/** Two requests that differ in nothing but how many tokens they verify. */
const FEW = 20
const MANY = 320

export const verifyWorkerd: Scenario = {
  name: 'verify-workerd',
  title: 'ES256, a token seen for the first time, in workerd',
  about:
    'One isolate, one token after the other, every token only once. Clocks stand still in workerd while code runs, so ' +
    `the client takes the time: that of a request for ${MANY} tokens less that of one for ${FEW}, divided by the ` +
    'difference. Request, answer and network are the same in both and fall out. Bare is the signature check and nothing else.',
  metrics: {
    time: { unit: 'µs', better: 'lower', means: 'Time for one more token in a request' },
    cpu: CPU_TIME
  },
  seconds: { full: 14, quick: 4 },
  async open(scope) {
    const source = createTokenSource()
    const pairs = scope.pick(12, 8)
    const tokens = source.tokens(WARM + pairs * (FEW + MANY))
    const names: WorkerVerifierName[] = ['bare WebCrypto', 'Gatehouse', ...scope.pick(PEERS, [])]
    return names.map(verifier => ({
      name: verifier,
      round: inner => verifyFresh({ verifier, material: source.material, tokens }, pairs, inner)
    }))
  }
}

async function verifyFresh(task: WorkerTask, pairs: number, scope: Scope): Promise<Measured> {
  const ask = await startTask(task, scope)
  let failures = (await ask({ from: 0, count: WARM, passes: 1 })).failures
  let from = WARM
  const [micros, cpuMicros]: [number[], number[]] = [[], []]
  for (let pair = 0; pair < pairs; pair++) {
    const few = await ask({ from, count: FEW, passes: 1 })
    const many = await ask({ from: from + FEW, count: MANY, passes: 1 })
    from += FEW + MANY
    failures += few.failures + many.failures
    micros.push(((many.ms - few.ms) * 1000) / (MANY - FEW))
    cpuMicros.push(((many.cpuMs - few.cpuMs) * 1000) / (MANY - FEW))
  }
  return { metrics: { time: median(micros), cpu: median(cpuMicros) }, errors: failures }
}

/** What a request asks the Worker to verify. */
export interface Ask {
  readonly from: number
  readonly count: number
  readonly passes: number
}

export interface Answer {
  readonly ms: number
  /** CPU time of the whole workerd. */
  readonly cpuMs: number
  /** Tokens that did not hold. */
  readonly failures: number
}

/** Starts the Worker, hands it the task and returns what asks it and takes the time. */
export async function startTask(task: WorkerTask, scope: Scope): Promise<(ask: Ask) => Promise<Answer>> {
  const { url, pid } = await openWorker({ entry: WORKER }, scope)
  const send = async (query: string, init?: RequestInit) => {
    const response = await fetch(`${url}/${query}`, init)
    const text = await response.text()
    if (!response.ok) throw new Error(`the Worker answered ${response.status} to "${query}": ${text.slice(0, 200)}`)
    return Number(text)
  }
  await send('', { method: 'POST', body: JSON.stringify(task) })
  return async ({ from, count, passes }) => {
    const [startedMs, usedMs] = [performance.now(), cpuMsOf(pid)]
    const failures = await send(`?from=${from}&count=${count}&passes=${passes}`)
    return { ms: performance.now() - startedMs, cpuMs: cpuMsOf(pid) - usedMs, failures }
  }
}
