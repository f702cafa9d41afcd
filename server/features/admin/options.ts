/** What the rules of administration need. */

import type { Database } from '../../../db/client.ts'
import type { AuditRows } from '../../audit/audit-event.ts'

export interface AdminOptions {
  readonly database: Database
  readonly audit: AuditRows
  readonly nowMs: () => number
  /** Tells the edges that sessions have ended. Resolves to false where they could not be told; it is retried then. */
  readonly announceEnds: (sids: readonly string[]) => Promise<boolean>
}

/** One page of a list; `next` leads to the page after it, where there is one. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | undefined
}
