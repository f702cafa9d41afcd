/** What the rules of administration need. */

import type { Database } from '../../../db/client.ts'
import type { AuditRows } from '../../audit/audit-event.ts'
import type { PublishEnds } from '../../lib/publish-ends.ts'

export interface AdminOptions {
  readonly database: Database
  readonly audit: AuditRows
  readonly nowMs: () => number
  readonly publishEnds: PublishEnds
}

/** One page of a list; `next` leads to the page after it, where there is one. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | undefined
}
