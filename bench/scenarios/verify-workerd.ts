/** Verifying new access tokens in workerd. */

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

/** Two requests that differ only in the number of tokens to verify. */
const FEW = 20
const MANY = 320

/** Measures libraries in workerd, one new token after the other. */
export const verifyWorkerd: Scenario = {
  name: 'verify-workerd',
  title: 'Verifying new ES256 tokens in workerd',
  about:
    'One isolate, one token after the other, every token only once. Clocks stand still in workerd while code runs, so the ' +
    `client measures: the time of a request for ${MANY} tokens minus that of one for ${FEW}, divided by the difference. ` +
    'The cost of request, answer and network is the same in both and cancels out. Bare is the signature check alone.',
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

/** Which tokens the Worker verifies in one request. */
export interface VerifyRequest {
  readonly from: number
  readonly count: number
  readonly passes: number
}

/** The cost of one request. */
export interface VerifyAnswer {
  readonly ms: number
  /** CPU time of the workerd process. */
  readonly cpuMs: number
  /** Tokens that failed verification. */
  readonly failures: number
}

/** Starts the Worker with a task. Returns the function that sends one request and measures it. */
export async function startTask(
  task: WorkerTask,
  scope: Scope
): Promise<(ask: VerifyRequest) => Promise<VerifyAnswer>> {
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
