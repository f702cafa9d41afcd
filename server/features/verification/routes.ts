/** Mailed links over HTTP: the API that a link's page posts to. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { orThrow } from '../../lib/problem-error.ts'
import { problems } from '../../lib/problem-responses.ts'
import type { VerificationService } from './service.ts'

/** No pattern: what is no token of ours is answered like one that has expired. */
const MailedTokenParams = Type.Object({
  token: Type.String({ description: 'From the fragment of the mailed link' })
})

const Message = Type.Object({ message: Type.String() }, { additionalProperties: false })

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
        tags: ['accounts'],
        params: MailedTokenParams,
        response: { 200: Message, ...problems('link-expired', 'cross-site-request') }
      }
    },
    async request => {
      orThrow(await verification.verifyEmail(request.params.token, request.client))
      return { message: 'Your address is verified. You can sign in now' }
    }
  )
}
