/** New passwords over HTTP. Shapes live in `schemas.ts`, rules in `service.ts`; this file only joins them. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { DEVICE_COOKIE } from '../../../edge/contract/http.ts'
import { deliverDeviceMark } from '../../lib/devices/device-mark-delivery.ts'
import { presentedMarks } from '../../lib/devices/presented-marks.ts'
import { checkEmail } from '../../lib/http/checked-member.ts'
import { readsCookies, setsCookies } from '../../lib/http/cookie-shapes.ts'
import { orThrow } from '../../lib/http/problem-error.ts'
import { BODY_PROBLEMS, PROOF_PROBLEMS, problems, TOKEN_PROBLEMS } from '../../lib/http/problem-responses.ts'
import { ChangePassword, ForgotPassword, MarkedMessage, Message, NoContent, ResetPassword } from './schemas.ts'
import type { PasswordsService } from './service.ts'

type App = Parameters<FastifyPluginAsyncTypebox>[0]

/** The routes of passwords as one plugin. */
export const passwordRoutes: FastifyPluginAsyncTypebox<{ passwords: PasswordsService }> = async (
  app,
  { passwords }
) => {
  forgotPasswordRoute(app, passwords)
  resetPasswordRoute(app, passwords)
  changePasswordRoute(app, passwords)
}

function forgotPasswordRoute(app: App, passwords: PasswordsService): void {
  app.post(
    '/auth/forgot-password',
    {
      schema: {
        operationId: 'forgotPassword',
        summary: 'Request an email with a link to set a new password',
        description: 'The answer is the same whether the address has an account or not.',
        tags: ['passwords'],
        body: ForgotPassword,
        response: { 202: Message, ...problems(...BODY_PROBLEMS) }
      }
    },
    async (request, reply) => {
      const email = orThrow(checkEmail(request.body.email))
      await app.chargeMailQuota('forgot-password', email)
      await passwords.forgot(email, request.client)
      return reply
        .code(202)
        .send({ message: 'If this address has an account, we have emailed a link that sets a new password' })
    }
  )
}

function resetPasswordRoute(app: App, passwords: PasswordsService): void {
  app.post(
    '/auth/reset-password',
    {
      config: { rateLimit: app.quota('mailed-tokens') },
      // Before the quota: a password that is too short must not cost one of twenty attempts an hour.
      preHandler: async request => {
        orThrow(passwords.check(request.body.password))
      },
      schema: {
        operationId: 'resetPassword',
        summary: 'Set a new password with the token that was mailed',
        description:
          'The token can be used once; a password that the policy refuses does not use it up. ' +
          'Every session of the account ends, and none begins. ' +
          'Also lifts a block of the account after failed logins, and marks the device as known.',
        tags: ['passwords'],
        body: ResetPassword,
        cookies: readsCookies(DEVICE_COOKIE),
        response: { 200: setsCookies(MarkedMessage, DEVICE_COOKIE), ...problems(...BODY_PROBLEMS, 'link-expired') }
      }
    },
    async (request, reply) => {
      const wanted = { ...request.body, presentedMarks: presentedMarks(request.headers) }
      const mark = orThrow(await passwords.reset(wanted, request.client))
      return {
        message: 'Your new password is set. You can sign in with it now',
        ...deliverDeviceMark(request, reply, mark)
      }
    }
  )
}

function changePasswordRoute(app: App, passwords: PasswordsService): void {
  app.post(
    '/users/me/password',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'changePassword',
        summary: 'Change my password',
        description: 'Every other session ends.',
        tags: ['passwords'],
        security: [{ accessToken: [] }],
        body: ChangePassword,
        cookies: readsCookies(DEVICE_COOKIE),
        response: { 204: NoContent, ...problems(...BODY_PROBLEMS, ...TOKEN_PROBLEMS, ...PROOF_PROBLEMS) }
      }
    },
    async (request, reply) => {
      const { sub, sid } = app.claimsOf(request)
      const { currentPassword, newPassword, captchaToken, deviceMark } = request.body
      const marks = presentedMarks(request.headers, deviceMark)
      const proof = { password: currentPassword, presentedMarks: marks, captchaToken }
      orThrow(await passwords.change({ userId: sub, sid, newPassword }, proof, request.client))
      return reply.code(204).send(null)
    }
  )
}
