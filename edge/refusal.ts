/** A request that will not be forwarded, and why. */

import type { ProblemCode } from './contract/problems.ts'

export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: ProblemCode
  readonly retryAfterMs: number | undefined

  /** @param reason for the log; never a token or an address */
  constructor(code: ProblemCode, reason: string, retryAfterMs?: number) {
    super(reason)
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}
