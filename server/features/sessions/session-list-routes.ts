/** The routes that list the sessions of a user and end them. */

import { REFRESH_COOKIE } from '../../../edge/contract/http.ts'
import { isUuid } from '../../../edge/contract/uuid.ts'
import { clearsRefreshCookie, readsCookies } from '../../lib/http/cookie-shapes.ts'
import { orThrow, ProblemError } from '../../lib/http/problem-error.ts'
import { BODILESS_PROBLEMS, problems, TOKEN_PROBLEMS } from '../../lib/http/problem-responses.ts'
import { createClearEndedCookie } from './clear-ended-cookie.ts'
import type { App, SessionRoutesOptions } from './route-options.ts'
import { NoContent, SessionList, SessionParams, showSession } from './schemas.ts'

/** Adds the routes to `app`. */
export function sessionListRoutes(app: App, options: SessionRoutesOptions): void {
  listSessionsRoute(app, options)
  endAllSessionsRoute(app, options)
  endSessionRoute(app, options)
}

function listSessionsRoute(app: App, { sessions }: SessionRoutesOptions): void {
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
}

function endAllSessionsRoute(app: App, { sessions }: SessionRoutesOptions): void {
  const clearEndedCookie = createClearEndedCookie(sessions)
  app.delete(
    '/sessions/all',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'endAllSessions',
        summary: 'Log out all devices, including this one',
        tags: ['sessions'],
        security: [{ accessToken: [] }],
        cookies: readsCookies(REFRESH_COOKIE),
        response: { 204: clearsRefreshCookie(NoContent), ...problems(...TOKEN_PROBLEMS, ...BODILESS_PROBLEMS) }
      }
    },
    async (request, reply) => {
      const { sub, sid } = app.claimsOf(request)
      const result = await sessions.endAll(sub, request.client)
      clearEndedCookie(reply, sid)
      orThrow(result)
      return reply.code(204).send(null)
    }
  )
}

function endSessionRoute(app: App, { sessions }: SessionRoutesOptions): void {
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
      // The database accepts UUIDs only. Any other id is not found, like an unknown one.
      if (!isUuid(request.params.id)) throw new ProblemError('not-found')
      orThrow(await sessions.endOne({ userId: sub, sessionId: request.params.id }, request.client))
      return reply.code(204).send(null)
    }
  )
}
