/** One log line and one metric per request, with the route's pattern instead of its path: a path can hold a mailed token. */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { REQUEST_ID_HEADER } from '../../edge/contract/http.ts'

/** What a client may call its own request in our log. */
const CLIENT_REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/

export interface RequestLogOptions {
  /** Counts a request under its route's pattern. */
  readonly answered: (route: string, method: string, status: number, seconds: number) => void
}

export const requestLog = fp(
  async (app: FastifyInstance, { answered }: RequestLogOptions) => {
    app.addHook('onResponse', async (request, reply) => {
      const named = request.headers[REQUEST_ID_HEADER]
      const clientRequestId =
        typeof named === 'string' && named !== request.id && CLIENT_REQUEST_ID.test(named)
          ? { clientRequestId: named }
          : {}
      const route = request.routeOptions.url ?? '(none)'
      answered(route, request.method, reply.statusCode, reply.elapsedTime / 1000)
      request.log.info(
        {
          method: request.method,
          route,
          status: reply.statusCode,
          ms: Math.round(reply.elapsedTime * 10) / 10,
          client: request.client.address,
          ...clientRequestId
        },
        'answered'
      )
    })
  },
  { name: 'request-log', fastify: '5.x', dependencies: ['edge-hop'] }
)
