/** The fields that tell a client about its quotas (draft-ietf-httpapi-ratelimit-headers-10). */

import type { QuotaPolicy } from './quota-policy.ts'

/** One quota as it stands after a request. */
export interface QuotaStanding {
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

/** `RateLimit` and `RateLimit-Policy` for all quotas that a request was counted under. */
export function rateLimitFields(standings: readonly QuotaStanding[]): Record<string, string> {
  if (standings.length === 0) return {}
  const seconds = ({ policy }: QuotaStanding) => Math.ceil(policy.windowMs / 1000)
  const wait = (standing: QuotaStanding) =>
    standing.retryAfterMs === 0 ? seconds(standing) : retryAfterSeconds(standing.retryAfterMs)
  return {
    ratelimit: standings.map(one => `"${one.name}";r=${one.remaining};t=${wait(one)}`).join(', '),
    'ratelimit-policy': standings.map(one => `"${one.name}";q=${one.policy.quota};w=${seconds(one)}`).join(', ')
  }
}
