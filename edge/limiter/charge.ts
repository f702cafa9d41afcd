/** What a request asks of a quota. */

import type { QuotaPolicy } from '../contract/quota-policy.ts'
import { quotaKey } from '../contract/redis-keys.ts'

/** One request of `subject` under the quota `name`. */
export interface Charge {
  readonly name: string
  readonly policy: QuotaPolicy
  readonly subject: string
}

/** The key of a charge's bucket, in memory and in Redis. */
export function bucketKey({ name, subject, policy }: Charge): string {
  return quotaKey(name, subject, policy.sliceMs)
}
