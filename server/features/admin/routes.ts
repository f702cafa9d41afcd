/** Administration over HTTP. Joins the shapes of `schemas.ts` to the rules of `service.ts`. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { User } from '../../../db/queries/users.ts'
import { isUuid } from '../../../edge/contract/uuid.ts'
import { orThrow, ProblemError } from '../../lib/http/problem-error.ts'
import { BODILESS_PROBLEMS, BODY_PROBLEMS, problems, TOKEN_PROBLEMS } from '../../lib/http/problem-responses.ts'
import type { ActingAdmin } from './recorded-read.ts'
import {
  AdminUser,
  AdminUserParams,
  DEFAULT_LIMIT,
  EventListQuery,
  EventPage,
  showAdminUser,
  showEvent,
  UserChangeBody,
  UserListQuery,
  UserPage
} from './schemas.ts'
import type { AdminService } from './service.ts'

const ADMIN_PROBLEMS = [...TOKEN_PROBLEMS, 'forbidden'] as const
// OpenAPI 3.1 lets a requirement name the role that the token must have.
const security = [{ accessToken: ['admin'] }]
const tags = ['admin']

type App = Parameters<FastifyPluginAsyncTypebox>[0]

/** Shared by the routes of this file. */
interface Administration {
  readonly admin: AdminService
  /** Hooks that admit administrators only. */
  readonly onRequest: onRequestAsyncHookHandler[]
  /** @throws {Error} where the request did not pass `onRequest` */
  readonly actorOf: (request: FastifyRequest) => ActingAdmin
}

/** Every route of administration. */
export const adminRoutes: FastifyPluginAsyncTypebox<{ admin: AdminService }> = async (app, { admin }) => {
  const admitted = new WeakMap<FastifyRequest, User>()
  const administration: Administration = {
    admin,
    onRequest: [
      app.authenticate,
      async request => {
        admitted.set(request, orThrow(await admin.admit(app.claimsOf(request))))
      }
    ],
    actorOf(request) {
      const person = admitted.get(request)
      if (person === undefined) throw new Error(`${request.routeOptions.url} reads its administrator without onRequest`)
      return { person, client: request.client }
    }
  }
  listUsersRoute(app, administration)
  changeUserRoute(app, administration)
  endSessionsRoute(app, administration)
  listEventsRoute(app, administration)
}

function listUsersRoute(app: App, { admin, onRequest, actorOf }: Administration): void {
  app.get(
    '/users',
    {
      onRequest,
      preValidation: readLimit,
      schema: {
        operationId: 'listUsers',
        summary: 'List and search users, newest first',
        tags,
        security,
        querystring: UserListQuery,
        response: { 200: UserPage, ...problems(...ADMIN_PROBLEMS, 'invalid-request') }
      }
    },
    async request => {
      const { search = '', cursor, limit = DEFAULT_LIMIT } = request.query
      const { items, next } = orThrow(await admin.listUsers(actorOf(request), { search, cursor, limit }))
      return { users: items.map(showAdminUser), nextCursor: next ?? null }
    }
  )
}

function changeUserRoute(app: App, { admin, onRequest, actorOf }: Administration): void {
  app.patch(
    '/users/:id',
    {
      onRequest,
      schema: {
        operationId: 'changeUser',
        summary: 'Change the role of a user, or disable or enable the account',
        description:
          'A user that is disabled, or stops being an administrator, loses every session at once. ' +
          'The tokens of a new administrator carry the role from the next refresh. ' +
          'The last administrator cannot be demoted or disabled.',
        tags,
        security,
        params: AdminUserParams,
        body: UserChangeBody,
        response: { 200: AdminUser, ...problems(...BODY_PROBLEMS, ...ADMIN_PROBLEMS, 'not-found') }
      }
    },
    async request => showAdminUser(orThrow(await admin.changeUser(actorOf(request), userIdOf(request), request.body)))
  )
}

function endSessionsRoute(app: App, { admin, onRequest, actorOf }: Administration): void {
  app.delete(
    '/users/:id/sessions',
    {
      onRequest,
      schema: {
        operationId: 'endSessionsOfUser',
        summary: 'Log a user out everywhere',
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
      orThrow(await admin.endSessions(actorOf(request), userIdOf(request)))
      return reply.code(204).send(null)
    }
  )
}

function listEventsRoute(app: App, { admin, onRequest, actorOf }: Administration): void {
  app.get(
    '/audit-events',
    {
      onRequest,
      preValidation: readLimit,
      schema: {
        operationId: 'listAuditEvents',
        summary: 'Read the audit log, newest first',
        description: 'An event shows personal data only while the account of that user exists.',
        tags,
        security,
        querystring: EventListQuery,
        response: { 200: EventPage, ...problems(...ADMIN_PROBLEMS, 'invalid-request') }
      }
    },
    async request => {
      const { user, kind, cursor, limit = DEFAULT_LIMIT } = request.query
      // No event has a malformed id.
      if (user !== undefined && !isUuid(user)) return { events: [], nextCursor: null }
      const { items, next } = orThrow(await admin.listEvents(actorOf(request), { userId: user, kind, cursor, limit }))
      return { events: items.map(showEvent), nextCursor: next ?? null }
    }
  )
}

/**
 * Turns the digits of `limit` into a number: a query string holds only text, and the schema coerces nothing. Any other
 * text stays text, and the schema refuses it.
 */
async function readLimit(request: FastifyRequest): Promise<void> {
  const query = request.query as { limit?: unknown }
  if (typeof query.limit === 'string' && /^(0|[1-9][0-9]{0,8})$/.test(query.limit)) query.limit = Number(query.limit)
}

/** @throws {ProblemError} `not-found` for a malformed id, like for an unknown one */
function userIdOf(request: { params: { id: string } }): string {
  if (!isUuid(request.params.id)) throw new ProblemError('not-found')
  return request.params.id
}
