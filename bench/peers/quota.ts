/** The interface of the limiters in the quota scenario: several instances over one Redis, each with its own memory. */

import type { QuotaInstance } from '../lib/quota-traffic.ts'

/** Where the limiters find Redis. */
export interface QuotaRedis {
  readonly url: string
  readonly token: string
}

/** The quota and the number of instances. */
export interface QuotaSettings {
  readonly quota: number
  readonly windowSeconds: number
  readonly instances: number
  /** How long a Redis call may take, so that a busy machine does not change the result. Absent: the default. */
  readonly deadlineMs?: number
}

/** One limiter, and the subject that it charges. */
export interface QuotaLimiter {
  readonly instances: readonly QuotaInstance[]
  /** From now on all instances charge a new subject. */
  newSubject(): void
  /** Resolves when the background work of answered requests is done. */
  idle(): Promise<void>
}

/** Creates a limiter over one Redis. */
export type CreateQuotaLimiter = (redis: QuotaRedis, settings: QuotaSettings) => QuotaLimiter
