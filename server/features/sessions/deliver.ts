/** How a session travels back: the access token in the body, the refresh token where no script can read it. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { REFRESH_COOKIE } from '../../../edge/contract/http.ts'
import { ProblemError } from '../../lib/problem-error.ts'
import type { OpenSession } from './service.ts'

/** Sets the cookie and builds the body. Browsers find no refresh token in it. */
export function deliverSession(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  session: OpenSession,
  ttlSeconds: number
) {
  setRefreshCookie(reply, session.refreshToken, session.remembered ? session.idleExpiresAt : undefined)
  return {
    accessToken: app.signAccessToken(session.sessionId, session.user),
    tokenType: 'Bearer' as const,
    expiresIn: ttlSeconds,
    ...(isBrowser(request) ? {} : { refreshToken: session.refreshToken })
  }
}

/** `Max-Age` only with remember me; otherwise the cookie goes with the browser's session. */
function setRefreshCookie(reply: FastifyReply, token: string, expiresAt: Date | undefined): void {
  const lasting = expiresAt === undefined ? {} : { maxAge: Math.max(1, Math.floor((+expiresAt - Date.now()) / 1000)) }
  reply.setCookie(REFRESH_COOKIE, token, { ...COOKIE, ...lasting })
}

export function clearRefreshCookie(reply: FastifyReply): void {
  reply.setCookie(REFRESH_COOKIE, '', { ...COOKIE, maxAge: 0 })
}

const COOKIE = { path: '/', secure: true, httpOnly: true, sameSite: 'strict' } as const

/** The fetch metadata and the origin are headers that no page can leave out. */
function isBrowser(request: FastifyRequest): boolean {
  return request.headers.origin !== undefined || request.headers['sec-fetch-site'] !== undefined
}

/**
 * The refresh token of a request: from the body, else from the cookie.
 *
 * Security: two cookies of that name mean that somebody else has planted one, and nobody can tell which
 * (cookie tossing), so both are refused.
 */
export function presentedRefreshToken(request: FastifyRequest): string | undefined {
  const body = request.body as { refreshToken?: string } | null | undefined
  const cookies = (request.headers.cookie ?? '').split(';').filter(pair => pair.trim().split('=')[0] === REFRESH_COOKIE)
  if (cookies.length > 1) throw new ProblemError('refresh-invalid')
  return body?.refreshToken ?? request.cookies[REFRESH_COOKIE]
}
