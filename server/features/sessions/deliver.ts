/** Delivers a session: the access token in the body, the refresh token in a cookie that no script can read. */

import type { FastifyReply } from 'fastify'
import { REFRESH_COOKIE } from '../../../edge/contract/http.ts'
import { deliverDeviceMark } from '../../lib/devices/device-mark-delivery.ts'
import { isBrowser } from '../../lib/http/browser.ts'
import { cookieRefusal } from './cookie-refusal.ts'
import type { BegunSession, IssuedSession, RefreshedSession } from './options.ts'

/** Sets the cookies of a new session, and builds the body. */
export function deliverBegun(reply: FastifyReply, session: BegunSession, nowMs: number) {
  setRefreshCookie(reply, session, nowMs)
  return { ...tokensOf(reply, session), ...deliverDeviceMark(reply.request, reply, session.deviceMark) }
}

/** Sets the refresh cookie if it changes, and builds the body. */
export function deliverRefreshed(reply: FastifyReply, session: RefreshedSession, nowMs: number) {
  if (!session.keepsCookie) setRefreshCookie(reply, session, nowMs)
  const { refreshToken } = session
  return { ...tokensOf(reply, session), ...(session.isOnlyInBody ? { refreshToken } : {}) }
}

/** The tokens for the body. Browsers get no refresh token there. */
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

/** Sets `Max-Age` only for a remembered session. Otherwise the browser deletes the cookie when it closes. */
function setRefreshCookie(reply: FastifyReply, session: IssuedSession, nowMs: number): void {
  const seconds = Math.max(1, Math.floor((+session.idleExpiresAt - nowMs) / 1000))
  reply.setCookie(REFRESH_COOKIE, session.refreshToken, {
    ...COOKIE,
    ...(session.remembered ? { maxAge: seconds } : {})
  })
}

/** Deletes the refresh cookie. For cookies of ended sessions and invalid ones only. */
export function clearRefreshCookie(reply: FastifyReply): void {
  reply.setCookie(REFRESH_COOKIE, '', { ...COOKIE, maxAge: 0 })
}

const COOKIE = { path: '/', secure: true, httpOnly: true, sameSite: 'strict' } as const
