/** A Node process that verifies batches of tokens with one library and measures each batch. */

import type { TokenMaterial } from '../lib/tokens.ts'
import { createBareDer, createBareP1363 } from '../peers/bare-node.ts'
import { createFastJwt, createFastJwtCached } from '../peers/fast-jwt.ts'
import { createGatehouse, createGatehouseRemembering } from '../peers/gatehouse-node.ts'
import { createHonoJwt } from '../peers/hono-jwt.ts'
import { createJose } from '../peers/jose.ts'
import { createJsonwebtoken } from '../peers/jsonwebtoken.ts'
import type { CreateVerifier, Verify } from '../peers/verifier.ts'
import { answerParent } from './answer-parent.ts'

/** Every process loads all of them, so that all variants run with the same heap. */
const VERIFIERS = {
  'bare, DER': createBareDer,
  'bare, P1363': createBareP1363,
  Gatehouse: createGatehouse,
  'Gatehouse, remembering': createGatehouseRemembering,
  'fast-jwt': createFastJwt,
  'fast-jwt, cached': createFastJwtCached,
  jose: createJose,
  jsonwebtoken: createJsonwebtoken,
  'hono/jwt': createHonoJwt
} satisfies Record<string, CreateVerifier>

/** A library on Node. */
export type NodeVerifierName = keyof typeof VERIFIERS

/** The tokens to verify, and the library. */
export interface VerifyTask {
  readonly verifier: NodeVerifierName
  readonly material: TokenMaterial
  /** Verified before the measurement, so that V8 has compiled the code. */
  readonly warm: readonly string[]
  /** Verified in this order; each batch is measured. */
  readonly batches: readonly (readonly string[])[]
  /** How often each batch is verified within one measurement. */
  readonly passes: number
}

/** The times of the batches. */
export interface VerifyTimes {
  /** Wall time, one value per batch. */
  readonly microsPerToken: readonly number[]
  /** CPU time of all threads of the process. */
  readonly cpuMicrosPerToken: readonly number[]
  readonly failures: number
}

answerParent<VerifyTask>(async ({ verifier, material, warm, batches, passes }) => {
  const verify = await VERIFIERS[verifier](material)
  // A synchronous library must not pay for an `await` that its users do not write.
  const run = isAsync(verify, warm[0] ?? '') ? runAsync : runSync
  let failures = await run(verify, warm.slice(1), passes)
  const microsPerToken: number[] = []
  const cpuMicrosPerToken: number[] = []
  for (const batch of batches) {
    const startedMs = performance.now()
    const usedBefore = process.cpuUsage()
    failures += await run(verify, batch, passes)
    const { user, system } = process.cpuUsage(usedBefore)
    microsPerToken.push(((performance.now() - startedMs) * 1000) / (batch.length * passes))
    cpuMicrosPerToken.push((user + system) / (batch.length * passes))
  }
  return { microsPerToken, cpuMicrosPerToken, failures } satisfies VerifyTimes
})

function isAsync(verify: Verify, token: string): boolean {
  const result = verify(token)
  return result instanceof Promise
}

/** @returns how many tokens failed verification; an error of the library ends the measurement */
function runSync(verify: Verify, tokens: readonly string[], passes: number): number {
  let failures = 0
  for (let pass = 0; pass < passes; pass++) for (const token of tokens) if (!verify(token)) failures++
  return failures
}

async function runAsync(verify: Verify, tokens: readonly string[], passes: number): Promise<number> {
  let failures = 0
  for (let pass = 0; pass < passes; pass++) for (const token of tokens) if (!(await verify(token))) failures++
  return failures
}
