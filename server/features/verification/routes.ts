/** Email addresses over HTTP. Joins the shapes of `schemas.ts` to the rules of `service.ts`. */

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

const VERIFIED = {
  verified: 'Your address is verified. You can sign in now',
  changed: 'Your new address is verified. Sign in with it from now on'
} as const

type App = Parameters<FastifyPluginAsyncTypebox>[0]

/** Every route of email addresses. */
export const verificationRoutes: FastifyPluginAsyncTypebox<{ verification: VerificationService }> = async (
  app,
  { verification }
) => {
  verifyEmailRoute(app, verification)
  cancelEmailChangeRoute(app, verification)
  resendVerificationRoute(app, verification)
  changeEmailRoute(app, verification)
}

function verifyEmailRoute(app: App, verification: VerificationService): void {
  app.post(
    '/auth/verify-email/:token',
    {
      config: { rateLimit: app.quota('mailed-tokens') },
      schema: {
        operationId: 'verifyEmail',
        summary: 'Confirm an email address with the token that was mailed to it',
        description: 'Also lifts a block of the account after failed logins, and marks the device as known.',
        tags: ['accounts'],
        params: MailedTokenParams,
        cookies: readsCookies(DEVICE_COOKIE),
        response: { 200: setsCookies(MarkedMessage, DEVICE_COOKIE), ...problems('link-expired', ...BODILESS_PROBLEMS) }
      }
    },
    async (request, reply) => {
      const link = { token: request.params.token, presentedMarks: presentedMarks(request.headers) }
      const { outcome, deviceMark } = orThrow(await verification.verifyEmail(link, request.client))
      return { message: VERIFIED[outcome], ...deliverDeviceMark(request, reply, deviceMark) }
    }
  )
}

function cancelEmailChangeRoute(app: App, verification: VerificationService): void {
  app.post(
    '/auth/cancel-email-change/:token',
    {
      config: { rateLimit: app.quota('mailed-tokens') },
      schema: {
        operationId: 'cancelEmailChange',
        summary: 'Cancel a change of email address with the token that was mailed to the old address',
        description: 'Voids the link that was mailed to the new address. Sessions and password stay as they are.',
        tags: ['accounts'],
        params: MailedTokenParams,
        response: { 200: Message, ...problems('link-expired', ...BODILESS_PROBLEMS) }
      }
    },
    async request => {
      orThrow(await verification.cancelEmailChange(request.params.token, request.client))
      return { message: 'The change is cancelled. Your account keeps its address' }
    }
  )
}

function resendVerificationRoute(app: App, verification: VerificationService): void {
  app.post(
    '/auth/resend-verification',
    {
      schema: {
        operationId: 'resendVerification',
        summary: 'Request a new verification link',
        description:
          'The answer is the same for every email address. ' +
          'An address that has an account already gets an email that says how to sign in.',
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
          'If this address is registered, we have emailed you the next steps. If no email arrives, please register again'
      })
    }
  )
}

function changeEmailRoute(app: App, verification: VerificationService): void {
  app.post(
    '/users/me/email',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'changeEmail',
        summary: 'Change my email address',
        description:
          'Mails a link to the new address. The change takes effect when the link is opened. ' +
          'The old address is notified at once, with a link that cancels the change. ' +
          'The answer is the same whether the new address has an account or not.',
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
      return reply.code(202).send({ message: 'Please open the link that we have emailed to your new address' })
    }
  )
}
