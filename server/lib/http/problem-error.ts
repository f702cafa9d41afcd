/** The error that routes and plugins throw. The `problems` plugin turns it into an answer. */

import type { ProblemCode } from '../../../edge/contract/problems.ts'
import { type Failure, failure, type Result } from '../result.ts'

/** A failure on its way to the client, with headers for the answer. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly failure: Failure
  readonly headers: Readonly<Record<string, string>>

  constructor(of: Failure | ProblemCode, headers: Readonly<Record<string, string>> = {}) {
    const known = typeof of === 'string' ? failure(of, of) : of
    super(known.reason)
    this.failure = known
    this.headers = headers
  }
}

/** Returns the value of a result, or throws its failure. @throws {ProblemError} */
export function orThrow<T>(result: Result<T>): T {
  if (!result.ok) throw new ProblemError(result)
  return result.value
}
