/** The result of a rule: a value, or a problem for the client with a reason for the log. */

import type { ProblemCode, ProblemExtras } from '../../edge/contract/problems.ts'

/** A problem for the client, with its reason for the log. */
export interface Failure extends ProblemExtras {
  readonly ok: false
  readonly problem: ProblemCode
  readonly reason: string
  /** For `Retry-After` with 429 and 503. */
  readonly retryAfterSeconds?: number
}

/** The outcome of a rule. */
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
