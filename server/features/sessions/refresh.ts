/** Exchanges refresh tokens. No client is logged out by accident, and the use of a copied token ends the session. */

import { findOwnedSession, type OwnedSession, presentRefreshToken } from '../../../db/queries/sessions.ts'
import type { Client } from '../../lib/client.ts'
import type { RefreshTicket } from '../../lib/crypto/refresh-token.ts'
import { type Failure, failure, type Result, success } from '../../lib/result.ts'
import { createEndStolenSession } from './end-stolen-session.ts'
import { genuineTickets } from './genuine-tickets.ts'
import {
  type IssuedSession,
  type PresentedTokens,
  type RefreshedSession,
  type SessionsOptions,
  secondsAfter
} from './options.ts'
import { judgeRefresh, MIN_REMAINING_MS } from './refresh-rule.ts'

const REFUSED = failure('refresh-invalid', 'the request carries no genuine refresh token')

/**
 * Creates the rule. It uses the first genuine token that the rule of refresh tokens accepts, body before cookie. A
 * first token that is accepted costs one statement. A forged token never reaches the database.
 */
export function createRefresh(options: SessionsOptions) {
  const refuse = createRefusal(options)
  return async (presented: PresentedTokens, client: Client): Promise<Result<RefreshedSession>> => {
    let refused: Failure = REFUSED
    for (const ticket of ticketsToTry(options, presented)) {
      const now = new Date(options.nowMs())
      const owned = await present(options, ticket, now)
      const result = owned === undefined ? await refuse(ticket, client, now) : issue(options, owned)
      if (result.ok) return success(delivered(options, presented.cookie, result.value))
      refused = result
    }
    return refused
  }
}

/** The tickets to try, in order. Of two tokens of one session only the newer one counts: this client kept both. */
function ticketsToTry({ refreshTokens }: SessionsOptions, presented: PresentedTokens): RefreshTicket[] {
  const [first, second] = genuineTickets(refreshTokens, presented)
  if (first === undefined) return []
  if (second === undefined) return [first]
  if (first.sessionId !== second.sessionId) return [first, second]
  return [first.counter >= second.counter ? first : second]
}

/** @returns `undefined` if the token was not accepted */
async function present(
  { database, limits }: SessionsOptions,
  ticket: RefreshTicket,
  now: Date
): Promise<OwnedSession | undefined> {
  return database.run(db =>
    presentRefreshToken(db, {
      ...ticket,
      now,
      youngSince: secondsAfter(now, -limits.refreshGrace),
      lastsUntil: new Date(+now + MIN_REMAINING_MS),
      idleExpiresAt: secondsAfter(now, limits.refreshIdleTtl),
      rememberedIdleExpiresAt: secondsAfter(now, limits.rememberedSessionTtl)
    })
  )
}

/** Refuses a token that the statement did not accept: its session is over, or the token was reused and it ends. */
function createRefusal(options: SessionsOptions) {
  const { database, limits } = options
  const endStolenSession = createEndStolenSession(options)
  return async (ticket: RefreshTicket, client: Client, now: Date): Promise<Failure> => {
    const owned = await database.run(db => findOwnedSession(db, ticket.sessionId))
    if (owned === undefined || owned.user.disabledAt !== null)
      return failure('refresh-invalid', 'the session does not exist, or its account is disabled')
    const outcome = judgeRefresh(owned.session, ticket.counter, +now, limits.refreshGrace)
    if (outcome === 'reused') await endStolenSession(owned, client)
    return failure('refresh-invalid', `the refresh outcome is "${outcome}"`)
  }
}

function issue({ refreshTokens, nowMs }: SessionsOptions, { session, user }: OwnedSession): Result<IssuedSession> {
  const { id, remembered, idleExpiresAt, expiresAt, refreshCounter } = session
  // The statement may have waited, and an access token needs a whole second.
  if (+expiresAt - nowMs() < MIN_REMAINING_MS) return failure('refresh-invalid', 'the session is over')
  const refreshToken = refreshTokens.mint({ sessionId: id, counter: refreshCounter })
  return success({ user, sessionId: id, remembered, idleExpiresAt, expiresAt, refreshCounter, refreshToken })
}

/**
 * Decides whether the cookie is set. It stays unchanged if it holds this token already, or a token of another session.
 *
 * An unchanged token is not set again. The answer may be late, after another tab has rotated the token. It would put
 * back a token that was already used.
 */
function delivered(
  { refreshTokens }: SessionsOptions,
  cookie: string | undefined,
  session: IssuedSession
): RefreshedSession {
  const other = cookie === undefined ? undefined : refreshTokens.parse(cookie)
  const isOnlyInBody = other !== undefined && other.sessionId !== session.sessionId
  return { ...session, isOnlyInBody, keepsCookie: isOnlyInBody || cookie === session.refreshToken }
}
