/** Begins the session of a user after the password was verified, or after a registration. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { beginSession, type NewSession } from '../../../db/queries/session-beginnings.ts'
import { endSessionsBeyond } from '../../../db/queries/session-ends.ts'
import type { User } from '../../../db/queries/users.ts'
import type { Client } from '../../lib/client.ts'
import { createId } from '../../lib/crypto/ids.ts'
import { outboxMail } from '../../lib/mail/outbox-mail.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import {
  type BegunSession,
  NOTICE_TTL,
  type Presented,
  type SessionLimits,
  type SessionsOptions,
  secondsAfter
} from './options.ts'

/** Live sessions that a user may have at once. */
const MAX_SESSIONS = 50

interface Beginning {
  readonly user: User
  readonly remembered: boolean
  readonly presented: Presented
  /** The user has signed in before, and this device has no mark. No email is sent if its fingerprint is known. */
  readonly notifyOfNewDevice: boolean
}

/** Begins a session; see `createBeginSession()`. */
export type BeginSession = ReturnType<typeof createBeginSession>

/**
 * Creates the rule. It needs two round trips. The first statement begins the session, ends the presented one and
 * records both. The second one ends the oldest sessions beyond the limit. It runs after the first has taken effect, so
 * the last of several sign-ins at once sees all others.
 *
 * The rule returns `undefined` if the password was changed or the account disabled after `user` was read.
 */
export function createBeginSession(options: SessionsOptions) {
  const { database, refreshTokens, deviceMarks, audit, nowMs } = options
  return async (beginning: Beginning, client: Client): Promise<BegunSession | undefined> => {
    const { user, remembered, presented } = beginning
    const startedMs = nowMs()
    const session = newSession(options.limits, beginning, client, startedMs)
    const presentedId =
      presented.refreshToken === undefined ? undefined : refreshTokens.parse(presented.refreshToken)?.sessionId

    const subject = { person: user, sessionId: session.id }
    const event = audit.event({ kind: 'login-succeeded', client, atMs: startedMs, ...subject })
    const notice = beginning.notifyOfNewDevice
      ? {
          event: audit.event({ kind: 'new-device', client, atMs: startedMs, ...subject }),
          mail: newDeviceMail(options, user, client, startedMs)
        }
      : undefined
    const device = { fingerprint: options.deviceFingerprint(client), notice }
    const { passwordHash } = user
    const replaced = await database.run(db => beginSession(db, { session, passwordHash, presentedId, event, device }))
    if (replaced === undefined) return undefined
    const evicted = await evict(options, session, user, client)
    const ended = [...replaced, ...evicted]
    if (ended.length > 0) await options.publishEnds(ended)
    if (notice) options.wakeMail()
    return {
      user,
      sessionId: session.id,
      remembered,
      idleExpiresAt: session.idleExpiresAt,
      expiresAt: session.expiresAt,
      refreshCounter: 0,
      refreshToken: refreshTokens.mint({ sessionId: session.id, counter: 0 }),
      deviceMark: deviceMarks.add(presented.deviceMarks, user.email)
    }
  }
}

/** Creates the rule that begins the first session of a user, right after the registration. */
export function createFirstSession(beginSession: BeginSession) {
  return async (user: User, presented: Presented, client: Client): Promise<Result<BegunSession>> => {
    const session = await beginSession({ user, remembered: false, presented, notifyOfNewDevice: false }, client)
    return session
      ? success(session)
      : failure('session-ended', 'the account was changed or disabled before its first session began')
  }
}

/**
 * Ends the oldest sessions beyond the limit, and records that.
 *
 * @returns their ids
 */
async function evict(
  { database, audit }: SessionsOptions,
  { createdAt }: NewSession,
  user: User,
  client: Client
): Promise<string[]> {
  const evicted = await database.run(db => endSessionsBeyond(db, user.id, MAX_SESSIONS, createdAt))
  if (evicted.length === 0) return evicted
  const details = { sessions: String(evicted.length) }
  const event = audit.event({ kind: 'session-evicted', client, atMs: +createdAt, person: user, details })
  await database.run(db => insertAuditEvent(db, event))
  return evicted
}

function newDeviceMail({ box }: SessionsOptions, user: User, client: Client, nowMs: number) {
  const order = {
    kind: 'new-device' as const,
    recipient: user.email,
    userId: user.id,
    device: client.userAgent
  }
  return outboxMail(box, { ...order, expiresAt: secondsAfter(new Date(nowMs), NOTICE_TTL) }, nowMs)
}

function newSession(
  limits: SessionLimits,
  { user, remembered }: Beginning,
  client: Client,
  startedMs: number
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
