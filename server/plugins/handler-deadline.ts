/** A deadline for every handler: a hanging handler is answered with 503. */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Everything that this route waits for has a deadline of its own. It is called so often that a second timer and abort
     * signal would be measurable: a fifth of the time of an answer.
     */
    readonly withoutDeadline?: boolean
  }
}

/** Sets the deadline on every route that does not opt out. */
export const handlerDeadline = fp(
  async (app: FastifyInstance, { deadlineMs }: { deadlineMs: number }) => {
    app.addHook('onRoute', route => {
      if (!route.config?.withoutDeadline) route.handlerTimeout = deadlineMs
    })
  },
  { name: 'handler-deadline', fastify: '5.x' }
)
