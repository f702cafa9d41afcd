/** What a rule returns: a value, or the problem that a client may see and the reason that only the log may. */

import type { ProblemCode, ProblemExtras } from '../../edge/contract/problems.ts'

export interface Failure extends ProblemExtras {
  readonly ok: false
  readonly problem: ProblemCode
  readonly reason: string
  /** The wait that goes with 429 and 503. */
  readonly retryAfterSeconds?: number
}

export type Result<T> = { readonly ok: true; readonly value: T } | Failure

/** A success. */
export function success<T>(value: T): Result<T> {
  return { ok: true, value }
}

/** A failure. */
export function failure(
  problem: ProblemCode,
  reason: string,
  extras: ProblemExtras & { readonly retryAfterSeconds?: number } = {}
): Failure {
  return { ok: false, problem, reason, ...extras }
}
