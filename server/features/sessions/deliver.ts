/** How a session travels: the access token in the body, the refresh token where no script can read it. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DEVICE_COOKIE, REFRESH_COOKIE } from '../../../edge/contract/http.ts'
import { DEVICE_MARK_TTL } from '../../lib/device-mark.ts'
import { ProblemError } from '../../lib/problem-error.ts'
import { cookieRefusal } from './cookie-refusal.ts'
import type { BegunSession, OpenSession, Presented } from './options.ts'

/** What delivering needs to know about the deployment. */
export interface Delivery {
  readonly accessTokenTtl: number
  readonly nowMs: () => number
}

/** Sets the cookies of a session that was begun just now, and builds the body. */
export function deliverBegun(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  session: BegunSession,
  delivery: Delivery
) {
  reply.setCookie(DEVICE_COOKIE, session.deviceMark, { ...COOKIE, maxAge: DEVICE_MARK_TTL })
  return deliverSession(app, request, reply, session, delivery)
}

/** Sets the refresh cookie and builds the body. Browsers find no refresh token in it. */
export function deliverSession(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  session: OpenSession,
  { accessTokenTtl, nowMs }: Delivery
) {
  setRefreshCookie(reply, session, nowMs())
  return {
    accessToken: app.signAccessToken(session.sessionId, session.user),
    tokenType: 'Bearer' as const,
    expiresIn: accessTokenTtl,
    ...(isBrowser(request) ? {} : { refreshToken: session.refreshToken }),
    ...cookieRefusal(request)
  }
}

/** `Max-Age` only with remember me; otherwise the cookie goes with the browser's session. */
function setRefreshCookie(reply: FastifyReply, session: OpenSession, nowMs: number): void {
  const seconds = Math.max(1, Math.floor((+session.idleExpiresAt - nowMs) / 1000))
  reply.setCookie(REFRESH_COOKIE, session.refreshToken, {
    ...COOKIE,
    ...(session.remembered ? { maxAge: seconds } : {})
  })
}

export function clearRefreshCookie(reply: FastifyReply): void {
  reply.setCookie(REFRESH_COOKIE, '', { ...COOKIE, maxAge: 0 })
}

const COOKIE = { path: '/', secure: true, httpOnly: true, sameSite: 'strict' } as const

/** The fetch metadata and the origin are headers that no page can leave out. */
function isBrowser(request: FastifyRequest): boolean {
  return request.headers.origin !== undefined || request.headers['sec-fetch-site'] !== undefined
}

/** The cookies and the token that came with a request. */
export function presentedBy(request: FastifyRequest): Presented {
  return { refreshToken: presentedRefreshToken(request), deviceMark: request.cookies[DEVICE_COOKIE] }
}

/**
 * The refresh token of a request: from the body, else from the cookie.
 *
 * Security: two cookies of that name mean that somebody else has planted one, and nobody can tell which
 * (cookie tossing), so both are refused.
 */
export function presentedRefreshToken(request: FastifyRequest): string | undefined {
  const body = request.body as { refreshToken?: string } | null | undefined
  const cookies = (request.headers.cookie ?? '')
    .split(';')
    .filter(pair => pair.split('=')[0]?.trim() === REFRESH_COOKIE)
  if (cookies.length > 1) throw new ProblemError('refresh-invalid')
  return body?.refreshToken ?? request.cookies[REFRESH_COOKIE]
}
