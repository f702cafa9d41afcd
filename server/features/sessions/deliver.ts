/** How a session leaves: the access token in the body, the refresh token where no script can read it. */

import type { FastifyReply } from 'fastify'
import { REFRESH_COOKIE } from '../../../edge/contract/http.ts'
import { deliverDeviceMark } from '../../lib/devices/device-mark-delivery.ts'
import { isBrowser } from '../../lib/http/browser.ts'
import { cookieRefusal } from './cookie-refusal.ts'
import type { BegunSession, IssuedSession, RefreshedSession } from './options.ts'

/** Sets the cookies of a session that was begun just now, and builds the body. */
export function deliverBegun(reply: FastifyReply, session: BegunSession, nowMs: number) {
  setRefreshCookie(reply, session, nowMs)
  return { ...tokensOf(reply, session), ...deliverDeviceMark(reply.request, reply, session.deviceMark) }
}

/** Sets the refresh cookie where it changes, and builds the body. */
export function deliverRefreshed(reply: FastifyReply, session: RefreshedSession, nowMs: number) {
  if (!session.keepsCookie) setRefreshCookie(reply, session, nowMs)
  const { refreshToken } = session
  return { ...tokensOf(reply, session), ...(session.isOnlyInBody ? { refreshToken } : {}) }
}

/** A browser finds no refresh token in the body. */
function tokensOf({ request, server }: FastifyReply, session: IssuedSession) {
  const { token, expiresInSeconds } = server.signAccessToken(session, session.user)
  return {
    accessToken: token,
    tokenType: 'Bearer' as const,
    expiresIn: expiresInSeconds,
    ...(isBrowser(request.headers) ? {} : { refreshToken: session.refreshToken }),
    ...cookieRefusal(request)
  }
}

/** `Max-Age` only with remember me; otherwise the cookie goes with the browser's session. */
function setRefreshCookie(reply: FastifyReply, session: IssuedSession, nowMs: number): void {
  const seconds = Math.max(1, Math.floor((+session.idleExpiresAt - nowMs) / 1000))
  reply.setCookie(REFRESH_COOKIE, session.refreshToken, {
    ...COOKIE,
    ...(session.remembered ? { maxAge: seconds } : {})
  })
}

/** Only for a cookie whose session has ended or whose token is worthless. */
export function clearRefreshCookie(reply: FastifyReply): void {
  reply.setCookie(REFRESH_COOKIE, '', { ...COOKIE, maxAge: 0 })
}

const COOKIE = { path: '/', secure: true, httpOnly: true, sameSite: 'strict' } as const
