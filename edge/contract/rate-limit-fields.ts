/** The fields that tell a client about its quotas (draft-ietf-httpapi-ratelimit-headers-10). */

import type { QuotaPolicy } from './quota-policy.ts'

/** One quota as it stands after a request. */
export interface QuotaState {
  readonly name: string
  readonly policy: QuotaPolicy
  readonly remaining: number
  /** 0 where the request was allowed. */
  readonly retryAfterMs: number
}

/** Whole seconds to wait, rounded up: the same request passes after exactly that wait. */
export function retryAfterSeconds(retryAfterMs: number): number {
  return Math.max(1, Math.ceil(retryAfterMs / 1000))
}

/**
 * `RateLimit` and `RateLimit-Policy` for all quotas that a request was counted under.
 *
 * The announced window is the one that a client meets: a request counts until the slice that it fell into has left the
 * window, so for a slice longer than the window. Where requests of other instances are debited ahead, the wait can be longer
 * still. Then that is the window: no answer announces a wait beyond it.
 */
export function rateLimitFields(standings: readonly QuotaState[]): Record<string, string> {
  if (standings.length === 0) return {}
  const all = standings.map(({ name, policy, remaining, retryAfterMs }) => {
    const waitSeconds = retryAfterMs === 0 ? 0 : retryAfterSeconds(retryAfterMs)
    const windowSeconds = Math.max(waitSeconds, Math.ceil((policy.windowMs + policy.sliceMs) / 1000))
    return { name, remaining, quota: policy.quota, windowSeconds, resetSeconds: waitSeconds || windowSeconds }
  })
  return {
    ratelimit: all.map(one => `"${one.name}";r=${one.remaining};t=${one.resetSeconds}`).join(', '),
    'ratelimit-policy': all.map(one => `"${one.name}";q=${one.quota};w=${one.windowSeconds}`).join(', ')
  }
}
