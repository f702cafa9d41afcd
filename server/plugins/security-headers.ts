/** Security headers on every answer, and no caching of anything that is about a person. */

import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { DATA_ANSWER_HEADERS } from '../../edge/contract/http.ts'

export const securityHeaders = fp(
  async (app: FastifyInstance, { apiPrefix }: { apiPrefix: string }) => {
    await app.register(helmet, {
      // The policy for data; pages and the API docs bring their own.
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] }
      },
      strictTransportSecurity: { maxAge: 63_072_000, includeSubDomains: true },
      xFrameOptions: { action: 'deny' }
    })
    app.addHook('onRequest', async (request, reply) => {
      reply.headers(DATA_ANSWER_HEADERS)
      // By the route's pattern: a path can spell the same prefix in other ways.
      if ((request.routeOptions.url ?? request.url).startsWith(`${apiPrefix}/`))
        reply.header('cache-control', 'no-store')
    })
  },
  { name: 'security-headers', fastify: '5.x' }
)
