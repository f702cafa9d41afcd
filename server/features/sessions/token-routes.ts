/** The routes that issue, renew, revoke and check the tokens of a session. */

import { DEVICE_COOKIE, REFRESH_COOKIE } from '../../../edge/contract/http.ts'
import { clearsRefreshCookie, readsCookies, setsCookies } from '../../lib/http/cookie-shapes.ts'
import { orThrow } from '../../lib/http/problem-error.ts'
import { BODY_PROBLEMS, problems, TOKEN_PROBLEMS } from '../../lib/http/problem-responses.ts'
import { showUser } from '../../lib/http/user-shape.ts'
import { clearRefreshCookie, deliverBegun, deliverRefreshed } from './deliver.ts'
import { AMBIGUOUS, presentedAccess, presentedAtSignIn, presentedTokens } from './presented.ts'
import type { App, SessionRoutesOptions } from './route-options.ts'
import { LoggedIn, Login, Message, Refreshed, RefreshTokenBody, VerifiedToken } from './schemas.ts'
import { verifiedTokenJson } from './verified-token-json.ts'

/** Adds the routes to `app`. */
export function tokenRoutes(app: App, options: SessionRoutesOptions): void {
  loginRoute(app, options)
  refreshRoute(app, options)
  logoutRoute(app, options)
  verifyTokenRoute(app)
}

function loginRoute(app: App, { sessions, nowMs }: SessionRoutesOptions): void {
  app.post(
    '/login',
    {
      schema: {
        operationId: 'login',
        summary: 'Exchange an email address and a password for an access token',
        description:
          'Sets the refresh token as a cookie. If the request carries the refresh cookie of an earlier session, that ' +
          'session ends.',
        tags: ['sessions'],
        body: Login,
        cookies: readsCookies(REFRESH_COOKIE, DEVICE_COOKIE),
        response: {
          200: setsCookies(LoggedIn, REFRESH_COOKIE, DEVICE_COOKIE),
          ...problems(
            ...BODY_PROBLEMS,
            'invalid-credentials',
            'email-unverified',
            'captcha-required',
            'too-many-attempts'
          )
        }
      }
    },
    async (request, reply) => {
      const { rememberMe = false, deviceMark: _, ...credentials } = request.body
      const presented = presentedAtSignIn(request)
      const session = orThrow(await sessions.login({ ...credentials, rememberMe }, presented, request.client))
      return { user: showUser(session.user), ...deliverBegun(reply, session, nowMs()) }
    }
  )
}

function refreshRoute(app: App, { sessions, nowMs }: SessionRoutesOptions): void {
  app.post(
    '/refresh',
    {
      config: { withoutDeadline: true },
      schema: {
        operationId: 'refresh',
        summary: 'Exchange the refresh token for a new access token',
        description:
          'Takes the refresh token from the body or the cookie and rotates it. A token that a refresh made less than ' +
          '`REFRESH_GRACE` (60 seconds) ago is returned unchanged, so several tabs can refresh at once. If an answer ' +
          'was lost, repeat the request with the previous token. Any older token ends the session, because it must ' +
          'have been copied. If your client stores the token itself, replace it only if the answer has another one.',
        tags: ['sessions'],
        body: RefreshTokenBody,
        cookies: readsCookies(REFRESH_COOKIE),
        response: { 200: setsCookies(Refreshed, REFRESH_COOKIE), ...problems(...BODY_PROBLEMS, 'refresh-invalid') }
      }
    },
    async (request, reply) => {
      const session = orThrow(await sessions.refresh(presentedTokens(request), request.client))
      return deliverRefreshed(reply, session, nowMs())
    }
  )
}

function logoutRoute(app: App, { sessions, verifier, nowMs }: SessionRoutesOptions): void {
  app.post(
    '/logout',
    {
      schema: {
        operationId: 'logout',
        summary: 'End this session, everywhere and within a second',
        description:
          'Ends every session that the request proves: by the refresh token in the body, by the cookie, or by the ' +
          'access token, even an expired one. You can repeat the request. It is refused only if it carries ' +
          'credentials and none of them is valid.',
        tags: ['sessions'],
        // Each credential is optional, and so is the token.
        security: [{ accessToken: [] }, {}],
        body: RefreshTokenBody,
        cookies: readsCookies(REFRESH_COOKIE),
        response: {
          200: clearsRefreshCookie(Message),
          ...problems(...BODY_PROBLEMS, 'refresh-invalid', 'token-invalid')
        }
      }
    },
    async (request, reply) => {
      const access = await presentedAccess(request, verifier, nowMs())
      const presented = presentedTokens(request)
      const result = await sessions.logout(presented, access, request.client)
      // The session has ended, or the token is invalid. While the end is unpublished, the client may ask again with it.
      if (presented.cookie !== AMBIGUOUS && (result.ok || result.problem !== 'unavailable')) clearRefreshCookie(reply)
      orThrow(result)
      return { message: 'Logged out successfully' }
    }
  )
}

function verifyTokenRoute(app: App): void {
  app.get(
    '/verify-token',
    {
      config: { withoutDeadline: true },
      onRequest: app.authenticate,
      schema: {
        operationId: 'verifyToken',
        summary: 'Check an access token and show its claims',
        tags: ['sessions'],
        security: [{ accessToken: [] }],
        response: { 200: VerifiedToken, ...problems(...TOKEN_PROBLEMS) }
      }
    },
    (request, reply) => {
      reply.header('content-type', 'application/json; charset=utf-8').serializer(verifiedTokenJson)
      return { active: true as const, claims: app.claimsOf(request) }
    }
  )
}
