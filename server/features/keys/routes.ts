/** Publishes the public keys (RFC 7517). */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
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

export const keyRoutes: FastifyPluginAsyncTypebox<{ keys: KeysService }> = async (app, { keys }) => {
  app.get(
    '/.well-known/jwks.json',
    {
      config: { withoutEdge: true },
      schema: {
        operationId: 'jwks',
        summary: 'The public keys that verify access tokens',
        tags: ['keys'],
        response: { 200: Type.Object({ keys: Type.Array(Jwk) }) }
      }
    },
    async (_request, reply) => {
      reply.header('cache-control', 'public, max-age=300')
      // Public keys are public: any site may read them.
      reply.header('cross-origin-resource-policy', 'cross-origin')
      return keys.jwks() as never
    }
  )
}
