/** Ends a session of which a thief holds a copy, records it, and tells its owner by email. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { endSession } from '../../../db/queries/session-ends.ts'
import type { OwnedSession } from '../../../db/queries/sessions.ts'
import type { Client } from '../../lib/client.ts'
import { outboxMail } from '../../lib/mail/outbox-mail.ts'
import { NOTICE_TTL, type SessionsOptions, secondsAfter } from './options.ts'

export type EndStolenOptions = Pick<
  SessionsOptions,
  'database' | 'audit' | 'box' | 'nowMs' | 'wakeMail' | 'publishEnds'
>

/** Where the session has ended already, nothing is recorded or mailed again. */
export async function endStolenSession(options: EndStolenOptions, owned: OwnedSession, client: Client): Promise<void> {
  const { database, audit, box, nowMs } = options
  const { session, user } = owned
  const endedMs = nowMs()
  const now = new Date(endedMs)
  const ended = await database.transaction(async db => {
    if ((await endSession(db, session.id, 'refresh-reused', now)) === undefined) return false
    const subject = { person: user, sessionId: session.id }
    await insertAuditEvent(db, audit.event({ kind: 'refresh-reused', client, atMs: endedMs, ...subject }))
    const order = { kind: 'refresh-reused' as const, recipient: user.email, userId: user.id }
    await insertOutboxMail(db, outboxMail(box, { ...order, expiresAt: secondsAfter(now, NOTICE_TTL) }, endedMs))
    return true
  })
  if (!ended) return
  options.wakeMail()
  await options.publishEnds([session.id])
}
