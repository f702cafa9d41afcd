/** Ends a session after its tokens were stolen, records it, and notifies the owner by email. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { endSession } from '../../../db/queries/session-ends.ts'
import type { OwnedSession } from '../../../db/queries/sessions.ts'
import type { Client } from '../../lib/client.ts'
import { noticeMail } from '../../lib/mail/outbox-mail.ts'
import type { SessionsOptions } from './options.ts'

type EndStolenOptions = Pick<SessionsOptions, 'database' | 'audit' | 'box' | 'nowMs' | 'wakeMail' | 'publishEnds'>

/** Creates the rule. If the session has already ended, it records and sends nothing. */
export function createEndStolenSession(options: EndStolenOptions) {
  const { database, audit, box, nowMs } = options
  return async ({ session, user }: OwnedSession, client: Client): Promise<void> => {
    const endedMs = nowMs()
    const now = new Date(endedMs)
    const ended = await database.transaction(async db => {
      if ((await endSession(db, { id: session.id, reason: 'refresh-reused', now })) === undefined) return false
      const subject = { person: user, sessionId: session.id }
      await insertAuditEvent(db, audit.event({ kind: 'refresh-reused', client, atMs: endedMs, ...subject }))
      await insertOutboxMail(db, noticeMail(box, 'refresh-reused', user, endedMs))
      return true
    })
    if (!ended) return
    options.wakeMail()
    await options.publishEnds([session.id])
  }
}
