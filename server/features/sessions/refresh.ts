/** Exchanges refresh tokens: a second tab or a lost answer logs nobody out, a copy in other hands ends the session. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { endSession } from '../../../db/queries/session-ends.ts'
import { advanceRefreshCounter, findOwnedSession, type OwnedSession } from '../../../db/queries/sessions.ts'
import type { Client } from '../../lib/client.ts'
import { outboxMail } from '../../lib/outbox-mail.ts'
import type { RefreshTicket } from '../../lib/refresh-token.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import { NOTICE_TTL, type OpenSession, type SessionsOptions, secondsAfter } from './options.ts'
import { judgeRefresh } from './refresh-rule.ts'

/** One round trip where the token is the valid one; garbage never reaches the database. */
export async function refresh(
  options: SessionsOptions,
  token: string | undefined,
  client: Client
): Promise<Result<OpenSession>> {
  const { database, refreshTokens, limits, nowMs } = options
  const ticket = token === undefined ? undefined : refreshTokens.open(token)
  if (ticket === undefined) return failure('refresh-invalid', 'no refresh token, or none of ours')
  const now = new Date(nowMs())
  const rotated = await database.run(db =>
    advanceRefreshCounter(db, {
      ...ticket,
      now,
      idleExpiresAt: secondsAfter(now, limits.refreshIdleTtl),
      rememberedIdleExpiresAt: secondsAfter(now, limits.rememberedSessionTtl)
    })
  )
  return rotated ? success(opened(options, rotated)) : refreshWithOldToken(options, ticket, client)
}

/** The token was not the valid one: a second tab, a lost answer, or a thief. */
async function refreshWithOldToken(
  options: SessionsOptions,
  ticket: RefreshTicket,
  client: Client
): Promise<Result<OpenSession>> {
  const { database, limits, nowMs } = options
  const owned = await database.run(db => findOwnedSession(db, ticket.sessionId))
  if (owned === undefined || owned.user.disabledAt !== null) return failure('refresh-invalid', 'the session is gone')
  const verdict = judgeRefresh(owned.session, ticket.counter, nowMs(), limits.refreshGrace)
  if (verdict === 'grace') return success(opened(options, owned))
  if (verdict === 'reused') await endStolenSession(options, owned, client)
  return failure('refresh-invalid', `the refresh token is ${verdict}`)
}

async function endStolenSession(options: SessionsOptions, owned: OwnedSession, client: Client): Promise<void> {
  const { database, audit, box, nowMs } = options
  const { session, user } = owned
  const endedMs = nowMs()
  const now = new Date(endedMs)
  const ended = await database.transaction(async db => {
    if ((await endSession(db, session.id, 'refresh-reused', now)) === undefined) return false
    const subject = { person: user, sessionId: session.id }
    await insertAuditEvent(db, audit.event('refresh-reused', 'failure', client, endedMs, subject))
    const order = { kind: 'refresh-reused' as const, recipient: user.email, userId: user.id, name: user.name }
    await insertOutboxMail(db, outboxMail(box, { ...order, expiresAt: secondsAfter(now, NOTICE_TTL) }, endedMs))
    return true
  })
  if (!ended) return
  options.wakeMail()
  await options.announceEnds([session.id])
}

function opened({ refreshTokens }: SessionsOptions, { session, user }: OwnedSession): OpenSession {
  const { id, remembered, idleExpiresAt, refreshCounter } = session
  const refreshToken = refreshTokens.mint({ sessionId: id, counter: refreshCounter })
  return { user, sessionId: id, remembered, idleExpiresAt, refreshToken }
}
