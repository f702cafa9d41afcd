/** Lets only requests with a good access token of a live session through. */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { AccessClaims } from '../../edge/contract/claims.ts'
import { parseBearer } from '../../edge/contract/http.ts'
import type { SessionStanding } from '../../edge/revocation/revocation-view.ts'
import type { TokenVerifier } from '../../edge/verifier/verify-token.ts'
import { ProblemError } from '../lib/problem-error.ts'
import { failure } from '../lib/result.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** A `preHandler`-like hook for routes that need an access token: `onRequest: app.authenticate`. */
    authenticate(request: FastifyRequest): Promise<void>
    /** The claims of the request's token. @throws where the route forgot to ask for `authenticate` */
    claimsOf(request: FastifyRequest): AccessClaims
  }
}

export interface AuthenticateOptions {
  readonly verifier: TokenVerifier
  /** Whether the session of a token has ended; `unknown` is refused. */
  readonly standing: (sid: string) => Promise<SessionStanding>
  readonly nowMs: () => number
}

export const authenticate = fp(
  async (app: FastifyInstance, { verifier, standing, nowMs }: AuthenticateOptions) => {
    const verified = new WeakMap<FastifyRequest, AccessClaims>()

    app.decorate('authenticate', async (request: FastifyRequest) => {
      const bearer = parseBearer(request.headers.authorization)
      if (bearer.kind === 'missing') throw new ProblemError('token-missing')
      if (bearer.kind === 'invalid') throw new ProblemError('token-invalid')
      const verdict = await verifier.verify(bearer.token, nowMs())
      if (!verdict.ok) {
        const code = verdict.code === 'keys-unavailable' ? 'unavailable' : verdict.code
        throw new ProblemError(failure(code, verdict.reason))
      }
      const stands = await standing(verdict.claims.sid)
      if (stands === 'ended') throw new ProblemError('session-ended')
      if (stands === 'unknown') {
        throw new ProblemError(failure('unavailable', 'nobody knows how the session stands', { retryAfterSeconds: 1 }))
      }
      verified.set(request, verdict.claims)
    })
    app.decorate('claimsOf', request => {
      const claims = verified.get(request)
      if (claims === undefined)
        throw new Error(`${request.routeOptions.url} reads claims without onRequest: app.authenticate`)
      return claims
    })
  },
  { name: 'authenticate', fastify: '5.x', dependencies: ['problems'] }
)
