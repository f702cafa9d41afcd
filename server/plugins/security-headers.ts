/** Security headers on every answer, and no caching of anything that is about a person. */

import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from '@fastify/helmet'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { DATA_ANSWER_HEADERS } from '../../edge/contract/http.ts'

export const securityHeaders = fp(
  async (app: FastifyInstance, { apiPrefix }: { apiPrefix: string }) => {
    const everywhere = { ...(await helmetHeaders()), ...DATA_ANSWER_HEADERS }
    app.addHook('onRequest', (request, reply, done) => {
      reply.headers(everywhere)
      // By the route's pattern: a path can spell the same prefix in other ways.
      if ((request.routeOptions.url ?? request.url).startsWith(`${apiPrefix}/`))
        reply.header('cache-control', 'no-store')
      done()
    })
  },
  { name: 'security-headers', fastify: '5.x' }
)

/**
 * What helmet says to the policy for data; pages and the API docs bring their own. It says the same each time, and
 * building it anew costs more than checking a token that is known: so it is asked once.
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
  // Not `inject`: its package takes longer to load than everything else here.
  const request = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: '/' })
  app.routing(request, new ServerResponse(request))
  const headers = await promise
  await app.close()
  return headers
}
