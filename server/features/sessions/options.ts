/** The options of the rules of sessions, and the values that the rules take and return. */

import type { Database } from '../../../db/client.ts'
import type { User } from '../../../db/queries/users.ts'
import type { AuditRows } from '../../audit/audit-rows.ts'
import type { LoginGuard } from '../../guard/login-guard.ts'
import type { RefreshTokens } from '../../lib/crypto/refresh-token.ts'
import type { SealedBox } from '../../lib/crypto/sealed-box.ts'
import type { DeviceFingerprint } from '../../lib/devices/device-fingerprint.ts'
import type { DeviceMarks } from '../../lib/devices/device-mark.ts'
import type { PasswordHasher } from '../../lib/passwords/password-hash.ts'
import type { PublishEnds } from '../../lib/publish-ends.ts'
import type { Failure } from '../../lib/result.ts'

export { NOTICE_TTL, secondsAfter } from '../../lib/lifetimes.ts'

/** Lifetimes, in seconds. */
export interface SessionLimits {
  readonly refreshGrace: number
  readonly refreshIdleTtl: number
  readonly sessionTtl: number
  readonly rememberedSessionTtl: number
}

/** The ports and settings of the rules of sessions. */
export interface SessionsOptions {
  readonly database: Database
  readonly box: SealedBox
  readonly audit: AuditRows
  readonly hasher: PasswordHasher
  readonly guard: LoginGuard
  readonly deviceMarks: DeviceMarks
  readonly deviceFingerprint: DeviceFingerprint
  readonly refreshTokens: RefreshTokens
  readonly limits: SessionLimits
  /** Whether a user must verify the email address before the first sign-in. */
  readonly emailVerification: 'required' | 'optional'
  readonly nowMs: () => number
  readonly publishEnds: PublishEnds
  /** Wakes the mail worker: an email waits in the outbox. */
  readonly wakeMail: () => void
}

/** A session with its current refresh token. */
export interface IssuedSession {
  readonly user: User
  readonly sessionId: string
  readonly remembered: boolean
  readonly refreshToken: string
  readonly refreshCounter: number
  /** When the refresh token expires unless it is used. */
  readonly idleExpiresAt: Date
  /** When the session ends. */
  readonly expiresAt: Date
}

/** A session after a refresh, and how its refresh token is delivered. */
export interface RefreshedSession extends IssuedSession {
  /** The refresh cookie of the request stays unchanged. */
  readonly keepsCookie: boolean
  /** The token came in the body and returns there, because the cookie belongs to another session. */
  readonly isOnlyInBody: boolean
}

/** A new session, and the mark for its device. */
export interface BegunSession extends IssuedSession {
  readonly deviceMark: string
}

/** What a sign-in request carries from an earlier session. */
export interface Presented {
  /** The session of this token ends. */
  readonly refreshToken: string | undefined
  /** From the body and from cookies. */
  readonly deviceMarks: readonly string[]
}

/** The refresh tokens of a request, unverified. */
export interface PresentedTokens {
  readonly body: string | undefined
  readonly cookie: string | undefined
}

/** What the access token of a request proves. `unknown`: it could not be verified, and may be valid. */
export type AccessProof =
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'unknown'; readonly failure: Failure }
  | { readonly kind: 'session'; readonly sessionId: string }
