/** A request that will not be forwarded, and why. */

import type { ProblemCode } from '../contract/problems.ts'

export interface RefusalOptions {
  readonly retryAfterMs?: number
  /** Helps the client to mend its request. */
  readonly detail?: string
}

export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: ProblemCode
  readonly retryAfterMs: number | undefined
  readonly detail: string | undefined

  /** @param reason for the log; never a token or an address */
  constructor(code: ProblemCode, reason: string, { retryAfterMs, detail }: RefusalOptions = {}) {
    super(reason)
    this.code = code
    this.retryAfterMs = retryAfterMs
    this.detail = detail
  }
}
