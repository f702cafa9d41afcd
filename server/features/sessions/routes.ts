/**
 * Sessions over HTTP. Shapes live in `schemas.ts`, rules in `service.ts`; this file only joins them.
 *
 * Over 200 lines: seven routes, each with its schema.
 */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { DEVICE_COOKIE, REFRESH_COOKIE } from '../../../edge/contract/http.ts'
import { isUuid } from '../../../edge/contract/uuid.ts'
import type { TokenVerifier } from '../../../edge/verifier/verify-token.ts'
import { clearsRefreshCookie, readsCookies, setsCookies } from '../../lib/http/cookie-shapes.ts'
import { orThrow, ProblemError } from '../../lib/http/problem-error.ts'
import { BODILESS_PROBLEMS, BODY_PROBLEMS, problems, TOKEN_PROBLEMS } from '../../lib/http/problem-responses.ts'
import { showUser } from '../../lib/http/user-shape.ts'
import { clearRefreshCookie, deliverBegun, deliverRefreshed } from './deliver.ts'
import { AMBIGUOUS, presentedAccess, presentedAtSignIn, presentedTokens } from './presented.ts'
import {
  LoggedIn,
  Login,
  Message,
  NoContent,
  Refreshed,
  RefreshTokenBody,
  SessionList,
  SessionParams,
  showSession,
  VerifiedToken
} from './schemas.ts'
import type { SessionsService } from './service.ts'
import { signOut } from './sign-out.ts'
import { verifiedTokenJson } from './verified-token-json.ts'

export interface SessionRoutesOptions {
  readonly sessions: SessionsService
  readonly verifier: TokenVerifier
  readonly nowMs: () => number
}

export const sessionRoutes: FastifyPluginAsyncTypebox<SessionRoutesOptions> = async (app, options) => {
  const { sessions } = options

  app.post(
    '/login',
    {
      schema: {
        operationId: 'login',
        summary: 'Exchange an email address and a password for an access token',
        description: 'Sets the refresh token as a cookie. A session presented with the request ends.',
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
      return { user: showUser(session.user), ...deliverBegun(app, request, reply, session, options.nowMs()) }
    }
  )

  app.post(
    '/refresh',
    {
      config: { withoutDeadline: true },
      schema: {
        operationId: 'refresh',
        summary: 'Exchange the refresh token for a new access token',
        description:
          'The refresh token comes from the body or the cookie. It is rotated, unless it was made less than ' +
          '`REFRESH_GRACE` (60 seconds) ago: then the same token is returned, so several tabs may refresh at once. A lost ' +
          'answer may be asked for again with the token before it. Any older token ends the session, because a copy of it ' +
          'exists. A client that stores the token itself replaces it only where the answer has another one.',
        tags: ['sessions'],
        body: RefreshTokenBody,
        cookies: readsCookies(REFRESH_COOKIE),
        response: { 200: setsCookies(Refreshed, REFRESH_COOKIE), ...problems(...BODY_PROBLEMS, 'refresh-invalid') }
      }
    },
    async (request, reply) => {
      const session = orThrow(await sessions.refresh(presentedTokens(request), request.client))
      return deliverRefreshed(app, request, reply, session, options.nowMs())
    }
  )

  app.post(
    '/logout',
    {
      schema: {
        operationId: 'logout',
        summary: 'End this session, everywhere and within a second',
        description:
          'Ends every session that the request proves: by the refresh token in the body, by the cookie, and by the access ' +
          'token, which may have expired. It may be repeated. Where nothing that was sent proves a session, it is refused.',
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
      const access = await presentedAccess(request, options.verifier, options.nowMs())
      const presented = presentedTokens(request)
      const result = await sessions.logout(presented, access, request.client)
      // By now its session has ended, or its token is worthless. Where the edges do not know yet, the client asks again with it.
      if (presented.cookie !== AMBIGUOUS && (result.ok || result.problem !== 'unavailable')) clearRefreshCookie(reply)
      orThrow(result)
      return { message: 'Logged out successfully' }
    }
  )

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

  app.get(
    '/sessions',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'listSessions',
        summary: 'List where I am signed in',
        tags: ['sessions'],
        security: [{ accessToken: [] }],
        response: { 200: SessionList, ...problems(...TOKEN_PROBLEMS) }
      }
    },
    async request => {
      const { sub, sid } = app.claimsOf(request)
      const live = await sessions.list(sub)
      return { sessions: live.map(session => showSession(session, sid)) }
    }
  )

  app.delete(
    '/sessions/all',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'endAllSessions',
        summary: 'Log out all devices, this one too',
        tags: ['sessions'],
        security: [{ accessToken: [] }],
        cookies: readsCookies(REFRESH_COOKIE),
        response: { 204: clearsRefreshCookie(NoContent), ...problems(...TOKEN_PROBLEMS, ...BODILESS_PROBLEMS) }
      }
    },
    async (request, reply) => {
      const { sub, sid } = app.claimsOf(request)
      const result = await sessions.endAll(sub, request.client)
      signOut(sessions, request, reply, sid)
      orThrow(result)
      return reply.code(204).send(null)
    }
  )

  app.delete(
    '/sessions/:id',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'endSession',
        summary: 'Log out one device',
        tags: ['sessions'],
        security: [{ accessToken: [] }],
        params: SessionParams,
        response: { 204: NoContent, ...problems(...TOKEN_PROBLEMS, 'not-found', ...BODILESS_PROBLEMS) }
      }
    },
    async (request, reply) => {
      const { sub } = app.claimsOf(request)
      // What is no id of ours is not found, like an id that is nobody's.
      if (!isUuid(request.params.id)) throw new ProblemError('not-found')
      orThrow(await sessions.endOne(sub, request.params.id, request.client))
      return reply.code(204).send(null)
    }
  )
}
