/** Opens what an event of the audit log says about persons, as far as their keys are still there. */

import type { AuditEvent, ReadEvent } from '../../db/queries/audit.ts'
import type { AuditPerson, AuditPersonal, AuditRows } from './audit-event.ts'

/** An event of the log, and what of it can still be read. */
export interface OpenedEvent {
  readonly event: AuditEvent
  readonly personal: Partial<AuditPersonal>
}

/** One event that cannot be opened must not hide the others: it was altered, or its root secret is gone. */
export function openEvent(audit: AuditRows, read: ReadEvent): OpenedEvent {
  try {
    return { event: read.event, personal: personalOf(audit, read) }
  } catch {
    return { event: read.event, personal: {} }
  }
}

/**
 * Where another person acted, address and device are that person's and go with that person. Events from before such
 * persons had a part of their own hold them under the key of the person concerned: they are not shown once the actor is
 * gone.
 */
function personalOf(audit: AuditRows, { event, sealedAuditKey, actorAuditKey }: ReadEvent): Partial<AuditPersonal> {
  const person = personOf(event.userId, sealedAuditKey)
  const actor = personOf(event.actorId, actorAuditKey)
  const personal = audit.personal(event, person) ?? {}
  if (event.actorId === null || event.actorId === event.userId) return personal
  if (event.sealedActor !== null) return { ...withoutOrigin(personal), ...audit.acting(event, actor) }
  return actor === undefined ? withoutOrigin(personal) : personal
}

function withoutOrigin({ details }: Partial<AuditPersonal>): Partial<AuditPersonal> {
  return details === undefined ? {} : { details }
}

function personOf(id: string | null, sealedAuditKey: Uint8Array | null): AuditPerson | undefined {
  return id === null || sealedAuditKey === null ? undefined : { id, sealedAuditKey }
}
