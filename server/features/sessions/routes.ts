/** Sessions over HTTP. Shapes live in `schemas.ts`, rules in `service.ts`; the routes only join them. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { TokenVerifier } from '../../../edge/verifier/verify-token.ts'
import type { SessionsService } from './service.ts'
import { sessionListRoutes } from './session-list-routes.ts'
import { tokenRoutes } from './token-routes.ts'

export interface SessionRoutesOptions {
  readonly sessions: SessionsService
  readonly verifier: TokenVerifier
  readonly nowMs: () => number
}

/** The server as a plugin of this feature gets it. */
export type App = Parameters<FastifyPluginAsyncTypebox>[0]

export const sessionRoutes: FastifyPluginAsyncTypebox<SessionRoutesOptions> = async (app, options) => {
  tokenRoutes(app, options)
  sessionListRoutes(app, options)
}
