/** Exports everything that is stored about a user as one document (GDPR art. 15 and 20), without any secret. */

import type { Queryable } from '../../../db/client.ts'
import { type AuditEvent, insertAuditEvent, listActsOf, listAuditEventsOf } from '../../../db/queries/audit.ts'
import {
  listFormerAddressesOf,
  listMailedTokensOf,
  listMailsOf,
  listRegistrationsOf,
  listSessionsOf
} from '../../../db/queries/personal-data.ts'
import type { Session } from '../../../db/queries/sessions.ts'
import { findUser, type User } from '../../../db/queries/users.ts'
import type { AuditKind } from '../../audit/audit-kinds.ts'
import type { Client } from '../../lib/client.ts'
import { showUser } from '../../lib/http/user-shape.ts'
import { type Result, success } from '../../lib/result.ts'
import { USER_GONE } from '../../lib/users/user-gone.ts'
import type { AccountsOptions } from './options.ts'
import type { PersonalData } from './schemas.ts'

/** Security events per statement. A page stays far below the deadline of a statement, even after years. */
const EVENTS_AT_A_TIME = 1000

/** Before every id. */
const NIL_ID = '00000000-0000-0000-0000-000000000000'

/** Creates the rule. It records the export first, so the document contains its own event. */
export function createExportData(options: AccountsOptions) {
  const { database, audit, nowMs } = options
  return async (userId: string, client: Client): Promise<Result<PersonalData>> => {
    const exportedMs = nowMs()
    const user = await database.run(db => findUser(db, userId))
    if (user === undefined) return USER_GONE
    const event = audit.event({ kind: 'data-exported', client, atMs: exportedMs, person: user })
    await database.run(db => insertAuditEvent(db, event))
    const [sessions, links, mails, formerAddresses, registrations] = await Promise.all([
      database.run(db => listSessionsOf(db, userId)),
      database.run(db => listMailedTokensOf(db, userId)),
      database.run(db => listMailsOf(db, userId)),
      database.run(db => listFormerAddressesOf(db, userId)),
      database.run(db => listRegistrationsOf(db, userId))
    ])
    const [events, acts] = [await all(options, userId, listAuditEventsOf), await all(options, userId, listActsOf)]
    return success({
      exportedAt: new Date(exportedMs).toISOString(),
      user: { ...showUser(user), ...furtherMembers(user) },
      formerAddresses: formerAddresses.map(({ email, until }) => ({ email, until: until.toISOString() })),
      waitingRegistrations: registrations.map(one => ({ email: one.email, ...timesOf(one) })),
      sessions: sessions.map(exportSession),
      pendingLinks: links.map(link => ({ ...link, ...timesOf(link) })),
      mails: mails.map(mail => ({ ...mail, createdAt: mail.createdAt.toISOString(), sentAt: orNull(mail.sentAt) })),
      securityEvents: events.map(event => exportEvent(options, event, user)),
      administrativeActs: acts.map(event => exportAct(options, event, user))
    })
  }
}

async function all(
  { database }: AccountsOptions,
  userId: string,
  list: typeof listAuditEventsOf
): Promise<AuditEvent[]> {
  const events: AuditEvent[] = []
  const next = (db: Queryable) => list(db, { userId, afterId: events.at(-1)?.id ?? NIL_ID, limit: EVENTS_AT_A_TIME })
  let page: AuditEvent[]
  do {
    page = await database.run(next)
    events.push(...page)
  } while (page.length === EVENTS_AT_A_TIME)
  return events
}

function furtherMembers({ acceptedTermsVersion, disabledAt, updatedAt }: User) {
  return { acceptedTermsVersion, disabledAt: orNull(disabledAt), updatedAt: updatedAt.toISOString() }
}

function exportSession(session: Session) {
  const { id, remembered, ipAddress, userAgent, endReason } = session
  return {
    id,
    remembered,
    ipAddress,
    userAgent,
    createdAt: session.createdAt.toISOString(),
    lastUsedAt: session.lastUsedAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
    endedAt: orNull(session.endedAt),
    endReason
  }
}

function exportEvent({ audit }: AccountsOptions, event: AuditEvent, person: User) {
  const { id, kind, outcome, sessionId, requestId } = event
  const sealed = { ...event, sealedPersonal: Buffer.from(event.sealedPersonal) }
  const known = audit.unsealPersonal(sealed, person) ?? { ipAddress: '', userAgent: '', details: {} }
  // If an administrator acted, address and device are personal data of the administrator.
  const isOwn = event.actorId === null || event.actorId === person.id
  const personal = isOwn ? known : { ...known, ipAddress: '', userAgent: '' }
  return { id, at: event.at.toISOString(), kind: kind as AuditKind, outcome, sessionId, requestId, ...personal }
}

/** Leaves out the other user and the details of the change: both are personal data of the other user. */
function exportAct({ audit }: AccountsOptions, event: AuditEvent, person: User) {
  const { id, kind, outcome, requestId } = event
  const { ipAddress, userAgent } = audit.unsealOrigin(event, person) ?? { ipAddress: '', userAgent: '' }
  return { id, at: event.at.toISOString(), kind, outcome, requestId, ipAddress, userAgent }
}

function timesOf({ createdAt, expiresAt }: { createdAt: Date; expiresAt: Date }) {
  return { createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() }
}

function orNull(time: Date | null): string | null {
  return time === null ? null : time.toISOString()
}
