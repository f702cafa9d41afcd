/** Mail addresses over HTTP. Shapes live in `schemas.ts`, rules in `service.ts`; this file only joins them. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { DEVICE_COOKIE } from '../../../edge/contract/http.ts'
import { deliverDeviceMark } from '../../lib/devices/device-mark-delivery.ts'
import { presentedMarks } from '../../lib/devices/presented-marks.ts'
import { checkEmail } from '../../lib/http/checked-member.ts'
import { readsCookies, setsCookies } from '../../lib/http/cookie-shapes.ts'
import { orThrow } from '../../lib/http/problem-error.ts'
import {
  BODILESS_PROBLEMS,
  BODY_PROBLEMS,
  PROOF_PROBLEMS,
  problems,
  TOKEN_PROBLEMS
} from '../../lib/http/problem-responses.ts'
import { ChangeEmail, MailedTokenParams, MarkedMessage, Message, ResendVerification } from './schemas.ts'
import type { VerificationService } from './service.ts'

const MESSAGES = {
  verified: 'Your address is verified. You can sign in now',
  changed: 'Your new address is verified. Sign in with it from now on',
  cancelled: 'The change is cancelled. Your account keeps its address'
} as const

export const verificationRoutes: FastifyPluginAsyncTypebox<{ verification: VerificationService }> = async (
  app,
  { verification }
) => {
  app.post(
    '/auth/verify-email/:token',
    {
      config: { rateLimit: app.quota('mailed-tokens') },
      schema: {
        operationId: 'verifyEmail',
        summary: 'Confirm a mail address with the token that was mailed to it',
        description: 'A block of the account after failed logins ends, and the device is marked as known.',
        tags: ['accounts'],
        params: MailedTokenParams,
        cookies: readsCookies(DEVICE_COOKIE),
        response: { 200: setsCookies(MarkedMessage, DEVICE_COOKIE), ...problems('link-expired', ...BODILESS_PROBLEMS) }
      }
    },
    async (request, reply) => {
      const marks = presentedMarks(request.headers)
      const opened = orThrow(await verification.verifyEmail(request.params.token, marks, request.client))
      return { message: MESSAGES[opened.verified], ...deliverDeviceMark(request, reply, opened.deviceMark) }
    }
  )

  app.post(
    '/auth/cancel-email-change/:token',
    {
      config: { rateLimit: app.quota('mailed-tokens') },
      schema: {
        operationId: 'cancelEmailChange',
        summary: 'Cancel a change of email address with the token that was mailed to the old address',
        description: 'The link that was mailed to the new address is void. Sessions and password stay as they are.',
        tags: ['accounts'],
        params: MailedTokenParams,
        response: { 200: Message, ...problems('link-expired', ...BODILESS_PROBLEMS) }
      }
    },
    async request => {
      orThrow(await verification.cancelEmailChange(request.params.token, request.client))
      return { message: MESSAGES.cancelled }
    }
  )

  app.post(
    '/auth/resend-verification',
    {
      schema: {
        operationId: 'resendVerification',
        summary: 'Ask for a verification link once more',
        description:
          'The same answer whether the address waits for a link or not. ' +
          'An address that has an account already is told how to sign in.',
        tags: ['accounts'],
        body: ResendVerification,
        response: { 202: Message, ...problems(...BODY_PROBLEMS) }
      }
    },
    async (request, reply) => {
      const email = orThrow(checkEmail(request.body.email))
      await app.chargeMailQuota('resend-verification', email)
      await verification.resend(email, request.client)
      return reply.code(202).send({
        message:
          'If this address is registered, we have mailed what to do next. If nothing arrives, please register again'
      })
    }
  )

  app.post(
    '/users/me/email',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'changeEmail',
        summary: 'Change my mail address',
        description:
          'A link is mailed to the new address, and the change takes effect when it is opened. ' +
          'The old address is told at once, with a link that cancels the change. ' +
          'The same answer whether the new address has an account or not.',
        tags: ['accounts'],
        security: [{ accessToken: [] }],
        body: ChangeEmail,
        cookies: readsCookies(DEVICE_COOKIE),
        response: { 202: Message, ...problems(...BODY_PROBLEMS, ...TOKEN_PROBLEMS, ...PROOF_PROBLEMS) }
      }
    },
    async (request, reply) => {
      const { sub, sid } = app.claimsOf(request)
      const { password, captchaToken, deviceMark } = request.body
      const email = orThrow(checkEmail(request.body.email))
      await app.chargeMailQuota('change-email-account', sub)
      await app.chargeMailQuota('change-email', email)
      const proof = { password, captchaToken, presentedMarks: presentedMarks(request.headers, deviceMark) }
      orThrow(await verification.changeEmail({ userId: sub, sid, email }, proof, request.client))
      return reply.code(202).send({ message: 'Please open the link that we have mailed to your new address' })
    }
  )
}
