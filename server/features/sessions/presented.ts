/** Reads the session credentials that a request presents. The rules judge each of them by itself. */

import type { FastifyRequest } from 'fastify'
import { parseBearer, REFRESH_COOKIE } from '../../../edge/contract/http.ts'
import type { TokenVerifier } from '../../../edge/verifier/verify-token.ts'
import { presentedMarks } from '../../lib/devices/presented-marks.ts'
import { readCookies } from '../../lib/http/cookies.ts'
import { accessSession } from './access-session.ts'
import type { AccessProof, Presented, PresentedTokens } from './options.ts'

/** Stands for several refresh cookies with different values; none of them counts. No token has this form. */
export const AMBIGUOUS = 'several cookies'

/** The refresh tokens of a request. */
export function presentedTokens(request: FastifyRequest): PresentedTokens {
  const body = request.body as { refreshToken?: string } | null | undefined
  return { body: body?.refreshToken, cookie: refreshCookie(request) }
}

/** The refresh cookie of the session that a sign-in ends, and the marks of the device. */
export function presentedAtSignIn(request: FastifyRequest): Presented {
  const body = request.body as { deviceMark?: string } | null | undefined
  return { refreshToken: refreshCookie(request), deviceMarks: presentedMarks(request.headers, body?.deviceMark) }
}

/** The session that the bearer token of a request proves, even an expired one. */
export function presentedAccess(request: FastifyRequest, verifier: TokenVerifier, nowMs: number): Promise<AccessProof> {
  const bearer = parseBearer(request.headers.authorization)
  if (bearer.kind === 'token') return accessSession(verifier, bearer.token, nowMs)
  return Promise.resolve({ kind: bearer.kind === 'missing' ? 'none' : 'invalid' })
}

/**
 * The refresh cookie of a request.
 *
 * Security: of two different cookies with that name, an attacker has planted one (cookie tossing). The server cannot
 * know which, so neither counts.
 */
export function refreshCookie(request: FastifyRequest): string | undefined {
  const [value, ...others] = new Set(readCookies(request.headers, REFRESH_COOKIE))
  // Some clients keep a cleared cookie and send it empty: that is not a token.
  return others.length === 0 ? value || undefined : AMBIGUOUS
}
