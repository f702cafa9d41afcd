/** Publishes the public keys (RFC 7517). */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { JWKS_MAX_AGE_SECONDS } from '../../../edge/contract/key-lifetimes.ts'
import { problems } from '../../lib/http/problem-responses.ts'
import type { KeysService } from './service.ts'

const Jwk = Type.Object({
  kty: Type.String(),
  crv: Type.String(),
  x: Type.String(),
  y: Type.Optional(Type.String()),
  kid: Type.String(),
  alg: Type.String(),
  use: Type.String()
})

const JwkSet = Type.Object(
  { keys: Type.Array(Jwk) },
  {
    examples: [
      {
        keys: [
          {
            kty: 'EC',
            crv: 'P-256',
            x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
            y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
            kid: 'bS6yQ0T9k2QfZJvX',
            alg: 'ES256',
            use: 'sig'
          }
        ]
      }
    ]
  }
)

/** The JWKS. */
export const keyRoutes: FastifyPluginAsyncTypebox<{ keys: KeysService }> = async (app, { keys }) => {
  app.get(
    '/.well-known/jwks.json',
    {
      config: { withoutEdge: true, publicDocument: true },
      schema: {
        operationId: 'jwks',
        summary: 'The public keys that verify access tokens',
        tags: ['keys'],
        response: { 200: JwkSet, ...problems() }
      }
    },
    async (_request, reply) =>
      reply.sendPublicDocument({
        text: JSON.stringify(keys.jwks()),
        mediaType: 'application/json',
        maxAgeSeconds: JWKS_MAX_AGE_SECONDS
      }) as never
  )
}
