/** Administration over HTTP. Shapes live in `schemas.ts`, rules in `service.ts`; this file only joins them. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { User } from '../../../db/queries/users.ts'
import { isUuid } from '../../../edge/contract/uuid.ts'
import { orThrow, ProblemError } from '../../lib/http/problem-error.ts'
import { BODILESS_PROBLEMS, BODY_PROBLEMS, problems, TOKEN_PROBLEMS } from '../../lib/http/problem-responses.ts'
import {
  AdminUser,
  AdminUserParams,
  DEFAULT_LIMIT,
  EventListQuery,
  EventPage,
  StandingChangeBody,
  showAdminUser,
  showEvent,
  UserListQuery,
  UserPage
} from './schemas.ts'
import type { AdminService } from './service.ts'

const ADMIN_PROBLEMS = [...TOKEN_PROBLEMS, 'forbidden'] as const
// OpenAPI 3.1 lets a requirement name the role that the token must have.
const security = [{ accessToken: ['admin'] }]
const tags = ['admin']

export const adminRoutes: FastifyPluginAsyncTypebox<{ admin: AdminService }> = async (app, { admin }) => {
  const admitted = new WeakMap<FastifyRequest, User>()
  const onRequest = [
    app.authenticate,
    async (request: FastifyRequest) => {
      admitted.set(request, orThrow(await admin.admit(app.claimsOf(request))))
    }
  ]

  app.get(
    '/users',
    {
      onRequest,
      preValidation: readLimit,
      schema: {
        operationId: 'listUsers',
        summary: 'List and search people, newest first',
        tags,
        security,
        querystring: UserListQuery,
        response: { 200: UserPage, ...problems(...ADMIN_PROBLEMS, 'invalid-request') }
      }
    },
    async request => {
      const { search = '', cursor, limit = DEFAULT_LIMIT } = request.query
      const query = { search, cursor, limit }
      const { items, next } = orThrow(await admin.listUsers(adminOf(request), query, request.client))
      return { users: items.map(showAdminUser), nextCursor: next ?? null }
    }
  )

  app.patch(
    '/users/:id',
    {
      onRequest,
      schema: {
        operationId: 'changeUser',
        summary: 'Change the role of a person, or whether they may sign in',
        description:
          'Whoever is disabled, or stops being an administrator, loses every session at once. ' +
          'A new administrator’s tokens say so from the next refresh. The last administrator stays one.',
        tags,
        security,
        params: AdminUserParams,
        body: StandingChangeBody,
        response: { 200: AdminUser, ...problems(...BODY_PROBLEMS, ...ADMIN_PROBLEMS, 'not-found') }
      }
    },
    async request => {
      const user = await admin.changeUser(adminOf(request), userIdOf(request), request.body, request.client)
      return showAdminUser(orThrow(user))
    }
  )

  app.delete(
    '/users/:id/sessions',
    {
      onRequest,
      schema: {
        operationId: 'endSessionsOfUser',
        summary: 'Log a person out everywhere',
        tags,
        security,
        params: AdminUserParams,
        response: {
          204: Type.Null({ description: 'Done' }),
          ...problems(...ADMIN_PROBLEMS, 'not-found', ...BODILESS_PROBLEMS)
        }
      }
    },
    async (request, reply) => {
      orThrow(await admin.endSessions(adminOf(request), userIdOf(request), request.client))
      return reply.code(204).send(null)
    }
  )

  app.get(
    '/audit-events',
    {
      onRequest,
      preValidation: readLimit,
      schema: {
        operationId: 'listAuditEvents',
        summary: 'Read the audit log, newest first',
        description: 'What an event says about a person is shown as long as that person is not deleted.',
        tags,
        security,
        querystring: EventListQuery,
        response: { 200: EventPage, ...problems(...ADMIN_PROBLEMS, 'invalid-request') }
      }
    },
    async request => {
      const { user, kind, cursor, limit = DEFAULT_LIMIT } = request.query
      // What is no id of ours concerns nobody.
      if (user !== undefined && !isUuid(user)) return { events: [], nextCursor: null }
      const query = { userId: user, kind, cursor, limit }
      const { items, next } = orThrow(await admin.listEvents(adminOf(request), query, request.client))
      return { events: items.map(showEvent), nextCursor: next ?? null }
    }
  )

  function adminOf(request: FastifyRequest): User {
    const user = admitted.get(request)
    if (user === undefined) throw new Error(`${request.routeOptions.url} reads its administrator without onRequest`)
    return user
  }
}

/**
 * Reads the digits of `limit`, because a query string holds only text and nothing is coerced. Any other text stays
 * text, and the schema refuses it.
 */
async function readLimit(request: FastifyRequest): Promise<void> {
  const query = request.query as { limit?: unknown }
  if (typeof query.limit === 'string' && /^(0|[1-9][0-9]{0,8})$/.test(query.limit)) query.limit = Number(query.limit)
}

/** What is no id of ours is not found, like an id that is nobody's. */
function userIdOf(request: { params: { id: string } }): string {
  if (!isUuid(request.params.id)) throw new ProblemError('not-found')
  return request.params.id
}
