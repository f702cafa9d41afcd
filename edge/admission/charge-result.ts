/** The outcome of a request's charges: all of them were debited, or none. */

import type { QuotaState } from '../contract/rate-limit-fields.ts'

/** All charges were debited: the request may pass. */
export interface Charged {
  readonly ok: true
  readonly quotas: readonly QuotaState[]
}

/** No charge was debited. */
export interface ChargeRefusal {
  readonly ok: false
  /** `unavailable` where Redis failed and the route has no fallback quota. */
  readonly problem: 'rate-limited' | 'unavailable'
  /** The quotas that refuse. */
  readonly quotas: readonly QuotaState[]
  /** The wait after which the same request passes. */
  readonly retryAfterMs: number
}

/** The outcome of a request's charges. */
export type ChargeResult = Charged | ChargeRefusal

const UNAVAILABLE_RETRY_MS = 1_000

/** The refusal by quotas that are used up, with the longest of their waits. */
export function rateLimited(quotas: readonly QuotaState[]): ChargeRefusal {
  const retryAfterMs = Math.max(...quotas.map(quota => quota.retryAfterMs))
  return { ok: false, problem: 'rate-limited', quotas, retryAfterMs }
}

/** The refusal where the state of a quota is unknown. */
export function quotasUnavailable(): ChargeRefusal {
  return { ok: false, problem: 'unavailable', quotas: [], retryAfterMs: UNAVAILABLE_RETRY_MS }
}
