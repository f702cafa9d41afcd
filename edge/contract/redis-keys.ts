/** Every Redis key we own. Versioned, so that a new layout never reads an old one; hash-tagged for clusters. */

const PREFIX = 'gatehouse:v1'

/** Keys of the revocation feed; one tag, because one script reads them together. */
export const REVOCATION_KEYS = {
  /** Sorted set: ended session id → when it was published (ms, the clock of Redis). */
  ended: `${PREFIX}:{revocation}:ended`,
  /** String: changes whenever the set was rebuilt; absent after Redis has lost its memory. */
  epoch: `${PREFIX}:{revocation}:epoch`
} as const

/** Hash of one subject under one quota: slice index → requests debited in it. */
export function quotaKey(quota: string, subject: string): string {
  return `${PREFIX}:quota:{${quota}:${subject}}`
}
