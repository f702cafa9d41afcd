/** Adds up the errors of several loads. */

import type { Measured } from './scenario.ts'

/** The total number of errors, and the number of each kind. */
export function sumErrors(
  parts: readonly Pick<Measured, 'errors' | 'errorKinds'>[]
): Required<Pick<Measured, 'errors' | 'errorKinds'>> {
  const errorKinds: Record<string, number> = {}
  for (const [kind, count] of parts.flatMap(part => Object.entries(part.errorKinds ?? {})))
    errorKinds[kind] = (errorKinds[kind] ?? 0) + count
  return { errors: parts.reduce((sum, { errors }) => sum + errors, 0), errorKinds }
}
