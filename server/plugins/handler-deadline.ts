/** A deadline for every handler, so that one that hangs is answered for: 503. */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Whatever this route waits for has a deadline of its own, and it is asked so often that the timer and the abort
     * signal of another one show: they cost a fifth of such an answer.
     */
    readonly withoutDeadline?: boolean
  }
}

export const handlerDeadline = fp(
  async (app: FastifyInstance, { deadlineMs }: { deadlineMs: number }) => {
    app.addHook('onRoute', route => {
      if (!route.config?.withoutDeadline) route.handlerTimeout = deadlineMs
    })
  },
  { name: 'handler-deadline', fastify: '5.x' }
)
