/** What a request takes of its quotas, and what becomes of it. */

import type { QuotaPolicy } from '../contract/quota-policy.ts'
import type { QuotaState } from '../contract/rate-limit-fields.ts'

/** One request of `subject` under the quota `name`. */
export interface Charge {
  readonly name: string
  readonly policy: QuotaPolicy
  readonly subject: string
}

/** What became of a request's takes: all of them were debited, or none. */
export interface ChargeResult {
  /** Undefined where the request may pass. */
  readonly refusal: 'rate-limited' | 'unavailable' | undefined
  readonly standings: readonly QuotaState[]
  /** The wait after which the same request passes; 0 where it may pass now. */
  readonly retryAfterMs: number
}

const UNAVAILABLE_RETRY_MS = 1_000

/** The refusal of a request: it may come again after the longest wait. */
export function refused(refusal: 'rate-limited' | 'unavailable', standings: readonly QuotaState[]): ChargeResult {
  const waits = standings.map(({ retryAfterMs }) => retryAfterMs)
  return { refusal, standings, retryAfterMs: waits.length > 0 ? Math.max(...waits) : UNAVAILABLE_RETRY_MS }
}
