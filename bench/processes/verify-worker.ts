/**
 * A Worker that verifies tokens with one library. Clocks stand still in workerd while code runs, so the client measures.
 * Tokens arrive in an earlier request, so that the measurement excludes their transfer and parsing.
 */

import type { TokenMaterial } from '../lib/tokens.ts'
import { createBareWebCrypto } from '../peers/bare-webcrypto.ts'
import { createGatehouseWorker, createGatehouseWorkerRemembering } from '../peers/gatehouse-worker.ts'
import { createHonoJwt } from '../peers/hono-jwt.ts'
import { createJose } from '../peers/jose.ts'
import { createTsndr } from '../peers/tsndr.ts'
import type { CreateVerifier, Verify } from '../peers/verifier.ts'

const VERIFIERS = {
  'bare WebCrypto': createBareWebCrypto,
  Gatehouse: createGatehouseWorker,
  'Gatehouse, remembering': createGatehouseWorkerRemembering,
  jose: createJose,
  'hono/jwt': createHonoJwt,
  '@tsndr/cloudflare-worker-jwt': createTsndr
} satisfies Record<string, CreateVerifier>

/** A library in workerd. */
export type WorkerVerifierName = keyof typeof VERIFIERS

/** The library and all tokens. */
export interface WorkerTask {
  readonly verifier: WorkerVerifierName
  readonly material: TokenMaterial
  readonly tokens: readonly string[]
}

let verify: Verify | undefined
let tokens: readonly string[] = []

export default {
  /** `POST /` sets the task. `GET /?from=&count=&passes=` verifies tokens and answers with the number of failures. */
  async fetch(request: Request): Promise<Response> {
    if (request.method === 'POST') {
      const task = (await request.json()) as WorkerTask
      verify = await VERIFIERS[task.verifier](task.material)
      tokens = task.tokens
      return new Response('0')
    }
    const { searchParams } = new URL(request.url)
    const number = (name: string) => Number(searchParams.get(name))
    return new Response(String(await verifyAll(number('from'), number('count'), number('passes'))))
  }
}

async function verifyAll(from: number, count: number, passes: number): Promise<number> {
  if (verify === undefined) throw new Error('expected a task before the first verification')
  let failures = 0
  for (let pass = 0; pass < passes; pass++) {
    for (let i = from; i < from + count; i++) if (!(await verify(tokens[i] ?? ''))) failures++
  }
  return failures
}
