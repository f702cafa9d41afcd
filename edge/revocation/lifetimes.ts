/** How old knowledge of ended sessions may be, and how long the end of a session or the removal of a key still matters. */

import { KEY_PROPAGATION_SECONDS } from '../contract/key-lifetimes.ts'

/** A logout reaches everybody within this time (ms). */
export const REVOCATION_MAX_AGE_MS = 1_000
/** For clocks. */
const MARGIN_SECONDS = 60

/**
 * How long an entry of the revocation feed is kept (ms): until the last token that it speaks of has expired, and until
 * nobody holds a removed key any more, with which its thief could sign new ones.
 */
export function revocationRetentionMs(accessTokenTtlSeconds: number): number {
  return (Math.max(accessTokenTtlSeconds, KEY_PROPAGATION_SECONDS) + MARGIN_SECONDS) * 1000
}
