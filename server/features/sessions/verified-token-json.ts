/** The answer to whoever checks a token, as text: for a token that was seen before, the very text of that time. */

import type { Static } from '@sinclair/typebox'
import type { VerifiedToken } from './schemas.ts'

/** They go with the claims, of which the verifier hands out the same, frozen, as long as it remembers a token. */
const texts = new WeakMap<object, string>()

/** Serializes the answer: the claims are exactly those of the schema, in its order. */
export function verifiedTokenJson(answer: Static<typeof VerifiedToken>): string {
  const known = texts.get(answer.claims)
  if (known !== undefined) return known
  const text = JSON.stringify(answer)
  texts.set(answer.claims, text)
  return text
}
