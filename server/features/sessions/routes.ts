/** Sessions over HTTP. `token-routes.ts` issues and revokes tokens, `session-list-routes.ts` lists and ends sessions. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { SessionRoutesOptions } from './route-options.ts'
import { sessionListRoutes } from './session-list-routes.ts'
import { tokenRoutes } from './token-routes.ts'

/** The routes of sessions as one plugin. */
export const sessionRoutes: FastifyPluginAsyncTypebox<SessionRoutesOptions> = async (app, options) => {
  tokenRoutes(app, options)
  sessionListRoutes(app, options)
}
