/** Signs access tokens with @fastify/jwt and the key that is active at that moment. */

import jwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ACCESS_TOKEN_TYPE, type AccessClaims } from '../../edge/contract/claims.ts'
import { createId } from '../lib/crypto/ids.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** A signed access token (RFC 9068) for a session of `user`. Its life never reaches past the session's end. */
    signAccessToken(session: TokenSession, user: TokenUser): SignedToken
  }
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    /** As `gatehouse/fastify` declares it: one program can hold both. */
    user: AccessClaims
  }
}

/** A signed token in compact form, and its life. */
export interface SignedToken {
  readonly token: string
  readonly expiresInSeconds: number
}

/** What of a session goes into a token. The session must last for at least another second. */
export interface TokenSession {
  readonly sessionId: string
  readonly refreshCounter: number
  readonly expiresAt: Date
}

/** What of a person goes into a token. */
export interface TokenUser {
  readonly id: string
  readonly email: string
  readonly emailVerified: boolean
  readonly role: 'user' | 'admin'
  readonly name: string
}

export interface SignTokensOptions {
  readonly issuer: string
  readonly audience: string
  readonly clientId: string
  readonly ttlSeconds: number
  readonly activeKey: () => { kid: string; privatePem: string; publicPem: string }
  readonly nowMs: () => number
}

const HEADER = { alg: 'ES256', typ: ACCESS_TOKEN_TYPE } as const

export const signTokens = fp(
  async (app: FastifyInstance, options: SignTokensOptions) => {
    const { kid: firstKid, privatePem, publicPem } = options.activeKey()
    // Only signs: what @fastify/jwt would accept is not what our verifier accepts.
    await app.register(jwt, {
      secret: { private: privatePem, public: publicPem },
      sign: { algorithm: 'ES256', kid: firstKid, header: HEADER }
    })

    app.decorate('signAccessToken', (session, user) => {
      const { kid, privatePem: key } = options.activeKey()
      const claims = fitName(claimsFor(session, user, options))
      // A key that is handed over is parsed each time, which takes longer than signing: only one that is younger than
      // this process is.
      const token =
        kid === firstKid ? app.jwt.sign(claims) : app.jwt.sign(claims, { key, algorithm: 'ES256', kid, header: HEADER })
      return { token, expiresInSeconds: claims.exp - claims.iat }
    })
  },
  { name: 'sign-tokens', fastify: '5.x' }
)

/** What of 1023 characters is left for the claims, once header, signature and base64url have taken theirs. */
const MAX_CLAIMS_BYTES = 620

/**
 * Shortens the name until the token stays under a kibibyte: it has to fit into headers beside everything else, and
 * whoever needs the whole name reads the profile. An ellipsis shows that something is missing.
 */
function fitName(claims: AccessClaims): AccessClaims {
  const isTooLong = (fitted: AccessClaims) => Buffer.byteLength(JSON.stringify(fitted)) > MAX_CLAIMS_BYTES
  const letters = [...claims.name]
  let fitted = claims
  while (isTooLong(fitted) && letters.length > 1) {
    letters.pop()
    fitted = { ...claims, name: `${letters.join('')}…` }
  }
  return fitted
}

function claimsFor(session: TokenSession, user: TokenUser, options: SignTokensOptions): AccessClaims {
  const nowMs = options.nowMs()
  const iat = Math.floor(nowMs / 1000)
  return {
    iss: options.issuer,
    aud: options.audience,
    sub: user.id,
    sid: session.sessionId,
    jti: createId(nowMs),
    iat,
    exp: Math.min(iat + options.ttlSeconds, Math.floor(+session.expiresAt / 1000)),
    client_id: options.clientId,
    rot: session.refreshCounter,
    email: user.email,
    email_verified: user.emailVerified,
    role: user.role,
    name: user.name
  }
}
