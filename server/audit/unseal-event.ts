/** Decrypts the personal data of an event of the audit log, as far as the keys of its users still exist. */

import type { AuditEvent, EventWithKeys } from '../../db/queries/audit.ts'
import type { AuditPerson, AuditPersonal, AuditRows } from './audit-rows.ts'

/** An event of the log, with its personal data as far as it can be decrypted. */
export interface UnsealedEvent {
  readonly event: AuditEvent
  readonly personal: Partial<AuditPersonal>
}

/**
 * Decrypts one event. Where that fails, the event has no personal data: it was altered, or its root secret is missing.
 * One unreadable event must not hide the others of a list.
 */
export function unsealEvent(audit: AuditRows, row: EventWithKeys): UnsealedEvent {
  try {
    return { event: row.event, personal: personalOf(audit, row) }
  } catch {
    return { event: row.event, personal: {} }
  }
}

/**
 * Where another user acted, address and device belong to the actor and are deleted with the actor.
 *
 * Older events have no part for the actor. They hold address and device under the key of the user concerned, and do not
 * show them once the actor is deleted.
 */
function personalOf(audit: AuditRows, { event, sealedAuditKey, actorAuditKey }: EventWithKeys): Partial<AuditPersonal> {
  const person = personOf(event.userId, sealedAuditKey)
  const actor = personOf(event.actorId, actorAuditKey)
  const personal = audit.unsealPersonal(event, person) ?? {}
  if (event.actorId === null || event.actorId === event.userId) return personal
  if (event.sealedActor !== null) return { ...withoutOrigin(personal), ...audit.unsealOrigin(event, actor) }
  return actor === undefined ? withoutOrigin(personal) : personal
}

function withoutOrigin({ details }: Partial<AuditPersonal>): Partial<AuditPersonal> {
  return details === undefined ? {} : { details }
}

function personOf(id: string | null, sealedAuditKey: Uint8Array | null): AuditPerson | undefined {
  return id === null || sealedAuditKey === null ? undefined : { id, sealedAuditKey }
}
