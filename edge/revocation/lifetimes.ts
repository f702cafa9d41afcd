/** The maximal age of the knowledge of ended sessions, and how long the revocation feed keeps its entries. */

import { KEY_PROPAGATION_SECONDS } from '../contract/key-lifetimes.ts'

/** A logout reaches every edge and origin within this time. */
export const REVOCATION_MAX_AGE_MS = 1_000
/** For the difference between clocks. */
const MARGIN_SECONDS = 60

/**
 * How long an entry of the revocation feed is kept: until the last token of an ended session has expired, and until no
 * verifier holds a removed key. With a stolen key its thief could sign new tokens.
 */
export function revocationRetentionMs(accessTokenTtlSeconds: number): number {
  return (Math.max(accessTokenTtlSeconds, KEY_PROPAGATION_SECONDS) + MARGIN_SECONDS) * 1000
}
