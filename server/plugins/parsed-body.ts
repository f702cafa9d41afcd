/** Lets Node's parser finish with what has arrived of a body before anything is answered. */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export const parsedBody = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', ({ headers }, _reply, done) => {
      // Security: a refusal at once, and then the parser's own because the body is malformed, would be two answers to
      // one request: a proxy would take the second for that of somebody else's (response desynchronisation).
      const hasBody = headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined
      if (hasBody) queueMicrotask(done)
      else done()
    })
  },
  { name: 'parsed-body', fastify: '5.x' }
)
