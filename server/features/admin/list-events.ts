/** Lists the audit log. */

import { type AuditQuery, listAuditEvents } from '../../../db/queries/audit.ts'
import { type UnsealedEvent, unsealEvent } from '../../audit/unseal-event.ts'
import { type Result, success } from '../../lib/result.ts'
import type { AdminOptions } from './options.ts'
import { type ListQuery, type Page, pageOf, placeOf } from './page.ts'
import { type ActingAdmin, readRecorded } from './recorded-read.ts'

type EventSearch = ListQuery & Pick<AuditQuery, 'userId' | 'kind'>

/** Creates the rule: newest first. */
export function createListEvents(options: AdminOptions) {
  return async (
    admin: ActingAdmin,
    { userId, kind, cursor, limit }: EventSearch
  ): Promise<Result<Page<UnsealedEvent>>> => {
    const after = placeOf(cursor)
    if (!after.ok) return after
    const details = { ...(userId === undefined ? {} : { user: userId }), ...(kind === undefined ? {} : { kind }) }
    const query = { userId, kind, beforeId: after.value?.id, limit: limit + 1 }
    const rows = await readRecorded(options, admin, { kind: 'audit-read', details }, db => listAuditEvents(db, query))
    const events = rows.map(row => unsealEvent(options.audit, row))
    return success(pageOf(events, limit, ({ event }) => event))
  }
}
