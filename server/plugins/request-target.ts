/** Refuses requests whose first lines are unusable, as problems: a target that is too long, HTTP/1.1 without `Host`. */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { MAX_TARGET_BYTES } from '../../edge/contract/http.ts'
import { ProblemError } from '../lib/problem-error.ts'

export const requestTarget = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.url.length > MAX_TARGET_BYTES) return done(new ProblemError('uri-too-long'))
      // RFC 9112 §3.2. Node would answer by itself, without a body, so it is told not to look (see `http-server.ts`).
      const needsHost = request.raw.httpVersion === '1.1'
      done(needsHost && request.headers.host === undefined ? new ProblemError('malformed-request') : undefined)
    })
  },
  { name: 'request-target', fastify: '5.x', dependencies: ['edge-hop', 'problems'] }
)
