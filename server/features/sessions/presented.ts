/** What a request presents of a session. Each credential is read by itself here and judged by itself in the rules. */

import type { FastifyRequest } from 'fastify'
import { parseBearer, REFRESH_COOKIE } from '../../../edge/contract/http.ts'
import type { TokenVerifier } from '../../../edge/verifier/verify-token.ts'
import { presentedMarks } from '../../lib/devices/presented-marks.ts'
import { readCookies } from '../../lib/http/cookies.ts'
import { accessSession } from './access-session.ts'
import type { AccessProof, Presented, PresentedTokens } from './options.ts'

/** Stands for several different refresh cookies, of which none counts. No token has this form. */
export const AMBIGUOUS = 'several cookies'

/** The refresh tokens of a request. */
export function presentedTokens(request: FastifyRequest): PresentedTokens {
  const body = request.body as { refreshToken?: string } | null | undefined
  return { body: body?.refreshToken, cookie: refreshCookie(request) }
}

/** What a sign-in presents: the session that it ends, and the marks of its device. */
export function presentedAtSignIn(request: FastifyRequest): Presented {
  const body = request.body as { deviceMark?: string } | null | undefined
  return { refreshToken: refreshCookie(request), deviceMarks: presentedMarks(request.headers, body?.deviceMark) }
}

/** The session that the bearer token of a request proves, even where it has expired. */
export function presentedAccess(request: FastifyRequest, verifier: TokenVerifier, nowMs: number): Promise<AccessProof> {
  const bearer = parseBearer(request.headers.authorization)
  if (bearer.kind === 'token') return accessSession(verifier, bearer.token, nowMs)
  return Promise.resolve({ kind: bearer.kind === 'missing' ? 'none' : 'worthless' })
}

/**
 * The refresh cookie of a request.
 *
 * Security: two different cookies of that name mean that one was planted, and which one cannot be told (cookie
 * tossing), so neither counts.
 */
export function refreshCookie(request: FastifyRequest): string | undefined {
  const [value, ...others] = new Set(readCookies(request.headers, REFRESH_COOKIE))
  // A client that keeps a cleared cookie sends an empty one: it presents nothing.
  return others.length === 0 ? value || undefined : AMBIGUOUS
}
