/** One log line and one metric per request, under the route's pattern, because a path can hold a mailed token. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { REQUEST_ID_HEADER } from '../../edge/contract/http.ts'

/** The form of a request id that a client may bring into our log. */
const CLIENT_REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/

/** The metric of answered requests. */
export interface RequestLogOptions {
  /** Counts a request under the pattern of its route. */
  readonly answered: (route: string, method: string, status: number, seconds: number) => void
}

/** Logs and counts every answered request. */
export const requestLog = fp(
  async (app: FastifyInstance, { answered }: RequestLogOptions) => {
    // The level of the settings: a line that would not be written is not built either.
    const isLogged = ['info', 'debug', 'trace'].includes(app.log.level)
    app.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? '(none)'
      answered(route, request.method, reply.statusCode, reply.elapsedTime / 1000)
      if (isLogged) request.log.info(lineOf(request, reply, route), 'answered')
      done()
    })
  },
  { name: 'request-log', fastify: '5.x', dependencies: ['edge-hop'] }
)

function lineOf(request: FastifyRequest, reply: FastifyReply, route: string) {
  const named = request.headers[REQUEST_ID_HEADER]
  const isNamed = typeof named === 'string' && named !== request.id && CLIENT_REQUEST_ID.test(named)
  return {
    method: request.method,
    route,
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    client: request.client.address,
    ...(isNamed ? { clientRequestId: named } : {})
  }
}
