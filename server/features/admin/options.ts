/** The options of the rules of administration. */

import type { Database } from '../../../db/client.ts'
import type { AuditRows } from '../../audit/audit-rows.ts'
import type { PublishEnds } from '../../lib/publish-ends.ts'

/** The database, the audit log, the clock, and the way to publish ended sessions. */
export interface AdminOptions {
  readonly database: Database
  readonly audit: AuditRows
  readonly nowMs: () => number
  readonly publishEnds: PublishEnds
}
