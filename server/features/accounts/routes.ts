/** Accounts over HTTP. Shapes live in `schemas.ts`, rules in `service.ts`; this file only joins them. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { User } from '../../../db/queries/users.ts'
import { orThrow } from '../../lib/problem-error.ts'
import { BODY_PROBLEMS, problems, TOKEN_PROBLEMS } from '../../lib/problem-responses.ts'
import { showUser, UserShape } from '../../lib/user-shape.ts'
import { ProfileChange, Register, RegistrationPending, SignedUp } from './schemas.ts'
import type { AccountsService } from './service.ts'

export interface AccountRoutesOptions {
  readonly accounts: AccountsService
  /** Signs somebody in who has just registered, and puts the session into the answer. */
  readonly signIn: (
    user: User,
    request: FastifyRequest,
    reply: FastifyReply
  ) => Promise<Omit<typeof SignedUp.static, 'user'>>
}

export const accountRoutes: FastifyPluginAsyncTypebox<AccountRoutesOptions> = async (app, { accounts, signIn }) => {
  app.post(
    '/auth/register',
    {
      config: { rateLimit: app.quota('register') },
      // Before the quota: a password that is too short must not cost one of five registrations an hour.
      preHandler: async request => {
        orThrow(accounts.check(request.body))
      },
      schema: {
        operationId: 'register',
        summary: 'Register an account',
        description:
          'Where verification is required (the default): 202, the same for a known address, and the owner of the ' +
          'address gets a mail. Where it is optional: 201, signed in.',
        tags: ['accounts'],
        body: Register,
        response: { 201: SignedUp, 202: RegistrationPending, ...problems(...BODY_PROBLEMS, 'email-taken') }
      }
    },
    async (request, reply) => {
      const registered = orThrow(await accounts.register(request.body, request.client))
      if (registered.pending)
        return reply.code(202).send({ message: 'Please open the link that we have mailed to you' })
      const session = await signIn(registered.user, request, reply)
      return reply.code(201).send({ user: showUser(registered.user), ...session })
    }
  )

  app.get(
    '/users/me',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'readProfile',
        summary: 'Show my profile',
        tags: ['accounts'],
        security: [{ accessToken: [] }],
        response: { 200: UserShape, ...problems(...TOKEN_PROBLEMS) }
      }
    },
    async request => showUser(orThrow(await accounts.read(app.claimsOf(request).sub)))
  )

  app.patch(
    '/users/me',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'changeProfile',
        summary: 'Change my name',
        tags: ['accounts'],
        security: [{ accessToken: [] }],
        body: ProfileChange,
        response: { 200: UserShape, ...problems(...BODY_PROBLEMS, ...TOKEN_PROBLEMS) }
      }
    },
    async request =>
      showUser(orThrow(await accounts.rename(app.claimsOf(request).sub, request.body.name, request.client)))
  )
}
