/** A quota: a number of requests in a window of time, and its text form. */

/** At most `quota` requests in any window of `windowMs`, counted in slices of `sliceMs`. */
export interface QuotaPolicy {
  readonly quota: number
  readonly windowMs: number
  readonly sliceMs: number
}

/**
 * Slices in a window. A slice counts whole until it has left the window, so a client at the limit loses half a slice on
 * average. Redis still stores a hash of this many fields compactly, as a list.
 */
const SLICES_PER_WINDOW = 120

/** Builds a policy of `quota` requests in `windowSeconds`. */
export function quotaPolicy(quota: number, windowSeconds: number): QuotaPolicy {
  const windowMs = windowSeconds * 1000
  return { quota, windowMs, sliceMs: Math.max(1, Math.floor(windowMs / SLICES_PER_WINDOW)) }
}

/** Reads `"300/60"`: 300 requests in 60 seconds. */
export function parseQuotaPolicy(text: string): QuotaPolicy | undefined {
  const match = /^([1-9]\d{0,8})\/([1-9]\d{0,5})$/.exec(text)
  return match ? quotaPolicy(Number(match[1]), Number(match[2])) : undefined
}
