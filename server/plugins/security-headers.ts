/** Security headers on every answer, and no caching of answers below the API prefix. */

import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from '@fastify/helmet'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { DATA_ANSWER_HEADERS } from '../../edge/contract/http.ts'

/** Sets the headers on every answer. */
export const securityHeaders = fp(
  async (app: FastifyInstance, { apiPrefix }: { apiPrefix: string }) => {
    const everywhere = { ...(await helmetHeaders()), ...DATA_ANSWER_HEADERS }
    app.addHook('onRequest', (request, reply, done) => {
      reply.headers(everywhere)
      // By the pattern of the route, because a path can spell the same prefix in other ways.
      if ((request.routeOptions.url ?? request.url).startsWith(`${apiPrefix}/`))
        reply.header('cache-control', 'no-store')
      done()
    })
  },
  { name: 'security-headers', fastify: '5.x' }
)

/**
 * The headers of helmet for answers with data. Pages and the API docs set a policy of their own.
 *
 * They are the same for every answer, and building them takes longer than verifying a remembered token. So helmet runs
 * once, at the start.
 */
async function helmetHeaders(): Promise<OutgoingHttpHeaders> {
  const app = Fastify()
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] }
    },
    strictTransportSecurity: { maxAge: 63_072_000, includeSubDomains: true },
    xFrameOptions: { action: 'deny' }
  })
  const { promise, resolve } = Promise.withResolvers<OutgoingHttpHeaders>()
  app.get('/', (_request, reply) => {
    resolve({ ...reply.raw.getHeaders() })
    reply.hijack()
  })
  await app.ready()
  // Not `inject`: its package takes longer to load than the rest of this file together.
  const request = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: '/' })
  app.routing(request, new ServerResponse(request))
  const headers = await promise
  await app.close()
  return headers
}
