/** Exchanges refresh tokens: no client is logged out by accident, and a copy in other hands ends the session. */

import { findOwnedSession, type OwnedSession, presentRefreshToken } from '../../../db/queries/sessions.ts'
import type { Client } from '../../lib/client.ts'
import type { RefreshTicket } from '../../lib/crypto/refresh-token.ts'
import { type Failure, failure, type Result, success } from '../../lib/result.ts'
import { createEndStolenSession } from './end-stolen-session.ts'
import {
  type IssuedSession,
  type PresentedTokens,
  type RefreshedSession,
  type SessionsOptions,
  secondsAfter
} from './options.ts'
import { judgeRefresh, MIN_REMAINING_MS } from './refresh-rule.ts'

const REFUSED = failure('refresh-invalid', 'no refresh token, or none that is genuine')

/**
 * Takes the first genuine token whose session can be refreshed, body before cookie. One statement where that is the
 * first one; a token that we did not make never reaches the database.
 */
export function createRefresh(options: SessionsOptions) {
  const refuse = createRefusal(options)
  return async (presented: PresentedTokens, client: Client): Promise<Result<RefreshedSession>> => {
    let refused: Failure = REFUSED
    for (const ticket of genuineTickets(options, presented)) {
      const now = new Date(options.nowMs())
      const owned = await present(options, ticket, now)
      const result = owned === undefined ? await refuse(ticket, client, now) : issue(options, owned)
      if (result.ok) return success(delivered(options, presented.cookie, result.value))
      refused = result
    }
    return refused
  }
}

/**
 * Of two tokens of one session the newer one counts: the older one is a copy that this client has kept as well.
 */
function genuineTickets({ refreshTokens }: SessionsOptions, { body, cookie }: PresentedTokens): RefreshTicket[] {
  const [first, second] = [body, cookie].flatMap(token => {
    const ticket = token === undefined ? undefined : refreshTokens.parse(token)
    return ticket ? [ticket] : []
  })
  if (first === undefined) return []
  if (second === undefined) return [first]
  if (first.sessionId !== second.sessionId) return [first, second]
  return [first.counter >= second.counter ? first : second]
}

/** @returns `undefined` where the token was not accepted */
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

/** The token was not accepted: its session is over, or the token is an old one and its session ends. */
function createRefusal(options: SessionsOptions) {
  const { database, limits } = options
  const endStolenSession = createEndStolenSession(options)
  return async (ticket: RefreshTicket, client: Client, now: Date): Promise<Failure> => {
    const owned = await database.run(db => findOwnedSession(db, ticket.sessionId))
    if (owned === undefined || owned.user.disabledAt !== null) return failure('refresh-invalid', 'the session is gone')
    const outcome = judgeRefresh(owned.session, ticket.counter, +now, limits.refreshGrace)
    if (outcome === 'reused') await endStolenSession(owned, client)
    return failure('refresh-invalid', `the refresh token is ${outcome}`)
  }
}

function issue({ refreshTokens, nowMs }: SessionsOptions, { session, user }: OwnedSession): Result<IssuedSession> {
  const { id, remembered, idleExpiresAt, expiresAt, refreshCounter } = session
  // The statement may have waited: an access token needs a whole second.
  if (+expiresAt - nowMs() < MIN_REMAINING_MS) return failure('refresh-invalid', 'the session is over')
  const refreshToken = refreshTokens.mint({ sessionId: id, counter: refreshCounter })
  return success({ user, sessionId: id, remembered, idleExpiresAt, expiresAt, refreshCounter, refreshToken })
}

/**
 * The cookie of the request stays as it is where it holds this token already, or that of another session.
 *
 * A token that did not change is not set again. Its answer may be late, and by then another tab may have rotated: the
 * cookie would fall back to a token that has been used.
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
