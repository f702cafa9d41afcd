/** The result of every parser of untrusted input: a checked value, or why the input was refused. */

/** A refused input. The reason is for the log, and may change. */
export interface ParseFailure {
  readonly ok: false
  readonly reason: string
}

/** A checked value, or why the input was refused. `Failure` may carry more than a reason. */
export type Parsed<Value, Failure extends ParseFailure = ParseFailure> =
  | { readonly ok: true; readonly value: Value }
  | Failure

/** Builds the refusal of an input. */
export function parseFailure(reason: string): ParseFailure {
  return { ok: false, reason }
}
