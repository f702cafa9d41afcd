/** The types that the routes of sessions share. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { TokenVerifier } from '../../../edge/verifier/verify-token.ts'
import type { SessionsService } from './service.ts'

/** The rules and ports of the routes of sessions. */
export interface SessionRoutesOptions {
  readonly sessions: SessionsService
  readonly verifier: TokenVerifier
  readonly nowMs: () => number
}

/** The server as a plugin of this feature gets it. */
export type App = Parameters<FastifyPluginAsyncTypebox>[0]
