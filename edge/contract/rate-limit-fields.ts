/** The header fields that describe a client's quotas (draft-ietf-httpapi-ratelimit-headers-10). */

import type { QuotaPolicy } from './quota-policy.ts'

/** The state of one quota after a request. */
export interface QuotaState {
  readonly name: string
  readonly policy: QuotaPolicy
  readonly remaining: number
  /** 0 where the request was allowed. */
  readonly retryAfterMs: number
}

/** The wait in whole seconds, rounded up, after which the same request passes. */
export function retryAfterSeconds(retryAfterMs: number): number {
  return Math.max(1, Math.ceil(retryAfterMs / 1000))
}

/**
 * `RateLimit` and `RateLimit-Policy` for all quotas that a request was counted under.
 *
 * A request counts until its slice has left the window, so the announced window is longer by one slice. Requests that
 * other instances have debited ahead can make the wait longer still. The window is then announced as long as the wait.
 */
export function rateLimitFields(states: readonly QuotaState[]): Record<string, string> {
  if (states.length === 0) return {}
  const all = states.map(({ name, policy, remaining, retryAfterMs }) => {
    const waitSeconds = retryAfterMs === 0 ? 0 : retryAfterSeconds(retryAfterMs)
    const windowSeconds = Math.max(waitSeconds, Math.ceil((policy.windowMs + policy.sliceMs) / 1000))
    return { name, remaining, quota: policy.quota, windowSeconds, resetSeconds: waitSeconds || windowSeconds }
  })
  return {
    ratelimit: all.map(one => `"${one.name}";r=${one.remaining};t=${one.resetSeconds}`).join(', '),
    'ratelimit-policy': all.map(one => `"${one.name}";q=${one.quota};w=${one.windowSeconds}`).join(', ')
  }
}
