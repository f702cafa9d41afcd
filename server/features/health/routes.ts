/** Liveness and readiness. The answer is only yes or no; details are for the log. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { ProblemError } from '../../lib/http/problem-error.ts'
import { problems } from '../../lib/http/problem-responses.ts'
import { failure } from '../../lib/result.ts'

/** The check behind readiness. */
export interface HealthRoutesOptions {
  /** Rejects if a dependency does not answer. */
  readonly checkReady: () => Promise<void>
}

const Status = Type.Object(
  { status: Type.Literal('ok') },
  { additionalProperties: false, examples: [{ status: 'ok' }] }
)

/** Both health checks; they work without the edge. */
export const healthRoutes: FastifyPluginAsyncTypebox<HealthRoutesOptions> = async (app, { checkReady }) => {
  app.get(
    '/health/live',
    {
      config: { withoutEdge: true },
      schema: {
        operationId: 'live',
        summary: 'The process answers',
        tags: ['health'],
        response: { 200: Status, ...problems() }
      }
    },
    async () => ({ status: 'ok' as const })
  )

  app.get(
    '/health/ready',
    {
      config: { withoutEdge: true },
      schema: {
        operationId: 'ready',
        summary: 'The database and Redis answer',
        tags: ['health'],
        response: { 200: Status, ...problems() }
      }
    },
    async () => {
      await checkReady().catch(error => {
        throw new ProblemError(failure('unavailable', String(error), { retryAfterSeconds: 1 }))
      })
      return { status: 'ok' as const }
    }
  )
}
