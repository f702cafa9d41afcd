/** What a peer of the quota scenario opens: instances of one limiter, over one Redis, each with a memory of its own. */

import type { QuotaInstance } from '../lib/quota-traffic.ts'

export interface QuotaRedis {
  readonly url: string
  readonly token: string
}

export interface QuotaSettings {
  readonly quota: number
  readonly windowSeconds: number
  readonly instances: number
  /** Nobody has to wait for a busy machine: a call may take this long. Absent: as it ships. */
  readonly deadlineMs?: number
}

/** One limiter, and whom it limits. */
export interface QuotaLimiter {
  readonly instances: readonly QuotaInstance[]
  /** From now on everybody asks for somebody of whom nothing is known. */
  newSubject(): void
  /** Waits for what goes on behind requests that were answered. */
  idle(): Promise<void>
}

export type CreateQuotaLimiter = (redis: QuotaRedis, settings: QuotaSettings) => QuotaLimiter
