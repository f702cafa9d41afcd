/** Serializes the answer to a token check. The text for a token that was seen before comes from memory. */

import type { Static } from '@sinclair/typebox'
import type { VerifiedToken } from './schemas.ts'

/** By the claims: the verifier returns the same frozen object while it remembers a token. */
const texts = new WeakMap<object, string>()

/** Serializes the answer. Its claims are those of the schema, in the same order. */
export function verifiedTokenJson(answer: Static<typeof VerifiedToken>): string {
  const known = texts.get(answer.claims)
  if (known !== undefined) return known
  const text = JSON.stringify(answer)
  texts.set(answer.claims, text)
  return text
}
