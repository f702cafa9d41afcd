/** Accounts over HTTP. Shapes live in `schemas.ts`, rules in `service.ts`; this file only joins them. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { User } from '../../../db/queries/users.ts'
import { DEVICE_COOKIE, REFRESH_COOKIE } from '../../../edge/contract/http.ts'
import { presentedMarks } from '../../lib/devices/presented-marks.ts'
import { clearsRefreshCookie, readsCookies, setsCookies } from '../../lib/http/cookie-shapes.ts'
import { orThrow } from '../../lib/http/problem-error.ts'
import { BODY_PROBLEMS, PROOF_PROBLEMS, problems, TOKEN_PROBLEMS } from '../../lib/http/problem-responses.ts'
import { showUser, UserShape } from '../../lib/http/user-shape.ts'
import type { CheckedRegistration } from './register.ts'
import { Deletion, NoContent, PersonalData, ProfileChange, Register, RegistrationPending, SignedUp } from './schemas.ts'
import type { AccountsService } from './service.ts'

interface AccountRoutesOptions {
  readonly accounts: AccountsService
  /** Signs a new user in: sets the cookies of the session, and returns its members of the body. */
  readonly firstSignIn: (user: User, reply: FastifyReply) => Promise<Omit<typeof SignedUp.static, 'user'>>
  /** Deletes the refresh cookie of the session after its account was deleted. */
  readonly clearEndedCookie: (reply: FastifyReply, sid: string) => void
}

type App = Parameters<FastifyPluginAsyncTypebox>[0]

/** The routes of accounts as one plugin. */
export const accountRoutes: FastifyPluginAsyncTypebox<AccountRoutesOptions> = async (app, options) => {
  registerRoute(app, options)
  readProfileRoute(app, options)
  changeProfileRoute(app, options)
  exportRoute(app, options)
  deleteRoute(app, options)
}

function registerRoute(app: App, { accounts, firstSignIn }: AccountRoutesOptions): void {
  const registrations = new WeakMap<FastifyRequest, CheckedRegistration>()
  app.post(
    '/auth/register',
    {
      config: { rateLimit: app.quota('register') },
      // Before the quota: an invalid registration, such as a short password, must not cost one of five an hour.
      preHandler: async request => {
        registrations.set(request, orThrow(accounts.check(request.body)))
      },
      schema: {
        operationId: 'register',
        summary: 'Register an account',
        description:
          'If email verification is required (the default), the answer is 202 and an email with the next step ' +
          'follows. The answer is the same if the address already has an account. If verification is optional, the ' +
          'answer is 201 and the user is signed in.',
        tags: ['accounts'],
        body: Register,
        cookies: readsCookies(REFRESH_COOKIE, DEVICE_COOKIE),
        response: {
          201: setsCookies(SignedUp, REFRESH_COOKIE, DEVICE_COOKIE),
          202: RegistrationPending,
          ...problems(...BODY_PROBLEMS, 'email-taken')
        }
      }
    },
    async (request, reply) => {
      const registration = registrations.get(request)
      if (registration === undefined) throw new Error('expected a checked registration, found none')
      const registered = orThrow(await accounts.register(registration, request.client))
      if (registered.pending)
        return reply.code(202).send({ message: 'Please open the link that we have emailed to you' })
      const session = await firstSignIn(registered.user, reply)
      return reply.code(201).send({ user: showUser(registered.user), ...session })
    }
  )
}

function readProfileRoute(app: App, { accounts }: AccountRoutesOptions): void {
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
}

function changeProfileRoute(app: App, { accounts }: AccountRoutesOptions): void {
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
    async request => {
      const change = { userId: app.claimsOf(request).sub, unverifiedName: request.body.name }
      return showUser(orThrow(await accounts.rename(change, request.client)))
    }
  )
}

function exportRoute(app: App, { accounts }: AccountRoutesOptions): void {
  app.get(
    '/users/me/export',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'exportMyData',
        summary: 'Download all data that is stored about me',
        description: 'GDPR articles 15 and 20. Passwords, tokens and keys are not included.',
        tags: ['accounts'],
        security: [{ accessToken: [] }],
        response: { 200: PersonalData, ...problems(...TOKEN_PROBLEMS) }
      }
    },
    async (request, reply) => {
      const data = orThrow(await accounts.export(app.claimsOf(request).sub, request.client))
      reply.header('content-disposition', `attachment; filename="my-data-${data.exportedAt.slice(0, 10)}.json"`)
      return data
    }
  )
}

function deleteRoute(app: App, { accounts, clearEndedCookie }: AccountRoutesOptions): void {
  app.delete(
    '/users/me',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'deleteAccount',
        summary: 'Delete my account and all data about me',
        description: 'Takes effect immediately and cannot be undone. Every session ends, including this one.',
        tags: ['accounts'],
        security: [{ accessToken: [] }],
        body: Deletion,
        cookies: readsCookies(REFRESH_COOKIE, DEVICE_COOKIE),
        response: {
          204: clearsRefreshCookie(NoContent),
          ...problems(...BODY_PROBLEMS, ...TOKEN_PROBLEMS, ...PROOF_PROBLEMS, 'forbidden')
        }
      }
    },
    async (request, reply) => {
      const { deviceMark, ...body } = request.body
      const proof = { ...body, presentedMarks: presentedMarks(request.headers, deviceMark) }
      const { sub, sid } = app.claimsOf(request)
      orThrow(await accounts.delete(sub, proof, request.client))
      clearEndedCookie(reply, sid)
      return reply.code(204).send(null)
    }
  )
}
