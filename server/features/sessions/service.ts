/** The rules of sessions: sign in, refresh, log out. Passwords are checked here, HTTP is not known here. */

import type { Database } from '../../../db/client.ts'
import { type AuditEvent, insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import {
  advanceRefreshCounter,
  beginSession,
  endSession,
  findOwnedSession,
  isEndUnpublished,
  type NewSession,
  type OwnedSession
} from '../../../db/queries/sessions.ts'
import { findLoginCandidate, type User, upgradePasswordHash } from '../../../db/queries/users.ts'
import { type AuditKind, auditEvent } from '../../lib/audit-event.ts'
import type { Client } from '../../lib/client.ts'
import { parseEmailAddress } from '../../lib/email-address.ts'
import { createId } from '../../lib/ids.ts'
import { outboxMail } from '../../lib/outbox-mail.ts'
import type { PasswordHasher } from '../../lib/password-hash.ts'
import type { RefreshTicket, RefreshTokens } from '../../lib/refresh-token.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { SealedBox } from '../../lib/sealed-box.ts'
import { judgeRefresh } from './refresh-rule.ts'

/** Life times in seconds. */
export interface SessionLimits {
  readonly refreshGrace: number
  readonly refreshIdleTtl: number
  readonly sessionTtl: number
  readonly rememberedSessionTtl: number
}

/** Seconds for which a notice to a person is worth sending. */
const NOTICE_TTL = 86_400

export interface SessionsOptions {
  readonly database: Database
  readonly box: SealedBox
  readonly hasher: PasswordHasher
  readonly refreshTokens: RefreshTokens
  readonly limits: SessionLimits
  /** Whether an address must be confirmed before anybody signs in with it. */
  readonly emailVerification: 'required' | 'optional'
  readonly nowMs: () => number
  /** Tells the edges that sessions have ended. Resolves to false where they could not be told; it is retried then. */
  readonly announceEnds: (sids: readonly string[]) => Promise<boolean>
  /** Says that there is something in the outbox. */
  readonly wakeMail: () => void
}

export interface Credentials {
  readonly email: string
  readonly password: string
  readonly rememberMe: boolean
}

/** A session with the refresh token that is valid now. */
export interface OpenSession {
  readonly user: User
  readonly sessionId: string
  readonly remembered: boolean
  readonly refreshToken: string
  /** When the refresh token stops being good, if it is not used. */
  readonly idleExpiresAt: Date
}

export type SessionsService = ReturnType<typeof createSessionsService>

export function createSessionsService(options: SessionsOptions) {
  const { database, hasher, refreshTokens, limits, nowMs } = options

  async function login(
    { email, password, rememberMe }: Credentials,
    presented: string | undefined,
    client: Client
  ): Promise<Result<OpenSession>> {
    const canonical = parseEmailAddress(email)
    if (canonical === undefined) return invalidAddress()

    const { user, pendingPasswordHash } = await database.run(db => findLoginCandidate(db, canonical, new Date(nowMs())))
    const stored = user?.passwordHash ?? pendingPasswordHash
    const { correct, outdated } = await hasher.check(password, stored)
    if (!correct || user?.disabledAt) return refuseLogin('login-failed', client, user)
    if (user === undefined) return refuseLogin('login-unverified', client)
    if (options.emailVerification === 'required' && !user.emailVerified)
      return refuseLogin('login-unverified', client, user)

    if (outdated) await upgrade(user, password)
    return success(await start(user, rememberMe, presented, client))
  }

  /** Begins a session of somebody who has just proven who they are; a presented one ends. */
  async function start(
    user: User,
    remembered: boolean,
    presented: string | undefined,
    client: Client
  ): Promise<OpenSession> {
    const startedMs = nowMs()
    const session = newSession(user, remembered, client, startedMs, limits)
    const presentedId = presented === undefined ? undefined : refreshTokens.open(presented)?.sessionId
    const event = auditEvent('login-succeeded', 'success', client, startedMs, {
      userId: user.id,
      sessionId: session.id
    })
    const ended = await database.run(db => beginSession(db, session, presentedId, event))
    if (ended.length > 0) await options.announceEnds(ended)
    return {
      user,
      sessionId: session.id,
      remembered,
      idleExpiresAt: session.idleExpiresAt,
      refreshToken: refreshTokens.mint({ sessionId: session.id, counter: 0 })
    }
  }

  async function refresh(token: string | undefined, client: Client): Promise<Result<OpenSession>> {
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
    if (rotated !== undefined) return success(opened(rotated))
    return refreshWithOldToken(ticket, client)
  }

  /** The token was not the valid one: a second tab, a lost answer, or a thief. */
  async function refreshWithOldToken(ticket: RefreshTicket, client: Client): Promise<Result<OpenSession>> {
    const owned = await database.run(db => findOwnedSession(db, ticket.sessionId))
    if (owned === undefined || owned.user.disabledAt !== null) return failure('refresh-invalid', 'the session is gone')
    const verdict = judgeRefresh(owned.session, ticket.counter, nowMs(), limits.refreshGrace)
    if (verdict === 'grace') return success(opened(owned))
    if (verdict === 'reused') await endStolenSession(owned, client)
    return failure('refresh-invalid', `the refresh token is ${verdict}`)
  }

  async function endStolenSession({ session, user }: OwnedSession, client: Client): Promise<void> {
    const endedMs = nowMs()
    const now = new Date(endedMs)
    const ended = await database.transaction(async db => {
      const row = await endSession(db, session.id, 'refresh-reused', now)
      if (row === undefined) return false
      await insertAuditEvent(
        db,
        auditEvent('refresh-reused', 'failure', client, endedMs, { userId: user.id, sessionId: session.id })
      )
      const order = { kind: 'refresh-reused' as const, recipient: user.email, name: user.name }
      await insertOutboxMail(
        db,
        outboxMail(options.box, { ...order, expiresAt: secondsAfter(now, NOTICE_TTL) }, endedMs)
      )
      return true
    })
    if (!ended) return
    options.wakeMail()
    await options.announceEnds([session.id])
  }

  /**
   * Ends the session of a refresh token or of an access token. Doing it again, or without any session, succeeds too.
   *
   * Where the edges could not be told the answer is `unavailable`, with the session already ended:
   * the client is told the truth, and asking again finds out whether they know by now.
   */
  async function logout(
    token: string | undefined,
    accessSid: string | undefined,
    client: Client
  ): Promise<Result<undefined>> {
    const sid = (token === undefined ? undefined : refreshTokens.open(token)?.sessionId) ?? accessSid
    if (sid === undefined) return success(undefined)
    const endedMs = nowMs()
    const mustTell = await database.transaction(async db => {
      const session = await endSession(db, sid, 'logout', new Date(endedMs))
      if (session === undefined) return isEndUnpublished(db, sid)
      const subject = { ...(session.userId === null ? {} : { userId: session.userId }), sessionId: sid }
      await insertAuditEvent(db, auditEvent('logged-out', 'success', client, endedMs, subject))
      return true
    })
    if (!mustTell || (await options.announceEnds([sid]))) return success(undefined)
    return failure('unavailable', 'the edges could not be told that the session has ended', { retryAfterSeconds: 1 })
  }

  async function refuseLogin(kind: AuditKind, client: Client, user?: User): Promise<Result<OpenSession>> {
    const event: AuditEvent = auditEvent(kind, 'failure', client, nowMs(), user ? { userId: user.id } : {})
    await database.run(db => insertAuditEvent(db, event))
    return kind === 'login-unverified'
      ? failure('email-unverified', 'the registration waits for its link')
      : failure('invalid-credentials', 'unknown address, wrong password or disabled account')
  }

  async function upgrade(user: User, password: string): Promise<void> {
    const hash = await hasher.hash(password)
    await database.run(db => upgradePasswordHash(db, user.id, user.passwordHash, hash))
  }

  function opened({ session, user }: OwnedSession): OpenSession {
    const { id, remembered, idleExpiresAt, refreshCounter } = session
    const refreshToken = refreshTokens.mint({ sessionId: id, counter: refreshCounter })
    return { user, sessionId: id, remembered, idleExpiresAt, refreshToken }
  }

  return { login, start, refresh, logout }
}

function newSession(
  user: User,
  remembered: boolean,
  client: Client,
  startedMs: number,
  limits: SessionLimits
): NewSession {
  const createdAt = new Date(startedMs)
  const expiresAt = secondsAfter(createdAt, remembered ? limits.rememberedSessionTtl : limits.sessionTtl)
  const idleExpiresAt = secondsAfter(createdAt, remembered ? limits.rememberedSessionTtl : limits.refreshIdleTtl)
  return {
    id: createId(startedMs),
    userId: user.id,
    remembered,
    ipAddress: client.address,
    userAgent: client.userAgent,
    createdAt,
    expiresAt,
    idleExpiresAt: idleExpiresAt < expiresAt ? idleExpiresAt : expiresAt
  }
}

function invalidAddress() {
  return failure('invalid-request', 'the address is malformed', {
    errors: [{ pointer: '/email', detail: 'must be a plain mail address' }]
  })
}

function secondsAfter(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000)
}
