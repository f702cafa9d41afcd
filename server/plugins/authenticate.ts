/** Admits only requests with a valid access token of a live session. */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { AccessClaims } from '../../edge/contract/claims.ts'
import { parseBearer } from '../../edge/contract/http.ts'
import type { SessionStatus, TokenSession } from '../../edge/revocation/revocation-view.ts'
import type { TokenVerifier, Verified, VerifyFailure } from '../../edge/verifier/verify-token.ts'
import { ProblemError } from '../lib/http/problem-error.ts'
import { failure } from '../lib/result.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** A hook for routes that need an access token: `onRequest: app.authenticate`. */
    authenticate(request: FastifyRequest): Promise<void>
    /** The claims of the request's token. @throws {Error} on a route without `onRequest: app.authenticate` */
    claimsOf(request: FastifyRequest): AccessClaims
  }
  interface FastifyRequest {
    /** To be read with `claimsOf`. */
    verifiedClaims: AccessClaims | undefined
  }
}

/** The verifier of tokens, the status of their sessions, and the report of their use. */
export interface AuthenticateOptions {
  readonly verifier: TokenVerifier
  /** Whether the session of a token is live; `unknown` is refused. */
  readonly status: (session: TokenSession) => SessionStatus | Promise<SessionStatus>
  /** Is called with the claims of every admitted request. */
  readonly seen: (claims: AccessClaims, request: FastifyRequest) => void
  readonly nowMs: () => number
}

/** Adds `app.authenticate` and `app.claimsOf`. */
export const authenticate = fp(
  async (app: FastifyInstance, { verifier, status, seen, nowMs }: AuthenticateOptions) => {
    app.decorateRequest('verifiedClaims', undefined)

    // Not async: with everything in memory it waits for one promise. Each further promise is measurable on this path.
    app.decorate('authenticate', (request: FastifyRequest) => {
      const bearer = parseBearer(request.headers.authorization)
      if (bearer.kind !== 'token') return Promise.reject(new ProblemError(`token-${bearer.kind}`))
      return verifier.verify(bearer.token, nowMs()).then(verified => {
        const { claims, kid } = orRefuse(verified)
        const admit = (known: SessionStatus) => {
          refuseUnlessLive(known)
          request.verifiedClaims = claims
          seen(claims, request)
        }
        const known = status({ sid: claims.sid, kid })
        return known instanceof Promise ? known.then(admit) : admit(known)
      })
    })
    app.decorate('claimsOf', request => {
      const { verifiedClaims } = request
      if (verifiedClaims === undefined)
        throw new Error(`${request.routeOptions.url} reads claims without onRequest: app.authenticate`)
      return verifiedClaims
    })
  },
  { name: 'authenticate', fastify: '5.x', dependencies: ['problems'] }
)

/** @throws {ProblemError} */
function orRefuse(verified: Verified | VerifyFailure): Verified {
  if (verified.ok) return verified
  const { code, reason } = verified
  throw new ProblemError(failure(code === 'keys-unavailable' ? 'unavailable' : code, reason))
}

/** @throws {ProblemError} */
function refuseUnlessLive(status: SessionStatus): void {
  if (status === 'live') return
  if (status === 'ended') throw new ProblemError('session-ended')
  if (status === 'key-removed') throw new ProblemError(failure('token-invalid', 'the key was removed'))
  throw new ProblemError(failure('unavailable', 'the session status is unknown', { retryAfterSeconds: 1 }))
}
