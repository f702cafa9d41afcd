/** The outcome of a request that is not forwarded, as a value. `respond.ts` makes the answer. */

import type { ProblemCode } from '../contract/problems.ts'

export interface Refusal {
  readonly ok: false
  readonly problem: ProblemCode
  /** For the log; never a token or an address. */
  readonly reason: string
  readonly retryAfterMs?: number
  /** Helps the client to correct its request. */
  readonly detail?: string
}

const UNAVAILABLE_RETRY_MS = 1_000

/** The refusal of a request for a reason that lies with its client. */
export function refusal(problem: ProblemCode, reason: string, detail?: string): Refusal {
  return { ok: false, problem, reason, ...(detail !== undefined && { detail }) }
}

/** The refusal of a request that may come again in a moment. */
export function unavailable(reason: string): Refusal {
  return { ok: false, problem: 'unavailable', reason, retryAfterMs: UNAVAILABLE_RETRY_MS }
}
