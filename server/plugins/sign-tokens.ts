/** Signs access tokens with @fastify/jwt and the active key. Verifying is left to the verifier. */

import jwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ACCESS_TOKEN_TYPE, type AccessClaims } from '../../edge/contract/claims.ts'
import { createId } from '../lib/crypto/ids.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Signs an access token (RFC 9068) for a session of `user`. It expires no later than the session. */
    signAccessToken(session: TokenSession, user: TokenUser): SignedToken
  }
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    /** The same type as in `gatehouse/fastify`, so that one program can use both. */
    user: AccessClaims
  }
}

/** A signed token in compact form, and the seconds until it expires. */
export interface SignedToken {
  readonly token: string
  readonly expiresInSeconds: number
}

/** The claims about a session. The session must last for at least another second. */
export interface TokenSession {
  readonly sessionId: string
  readonly refreshCounter: number
  readonly expiresAt: Date
}

/** The claims about a user. */
export interface TokenUser {
  readonly id: string
  readonly email: string
  readonly emailVerified: boolean
  readonly role: 'user' | 'admin'
  readonly name: string
}

/** The claims that all tokens share, and the key that signs them. */
export interface SignTokensOptions {
  readonly issuer: string
  readonly audience: string
  readonly clientId: string
  readonly ttlSeconds: number
  readonly activeKey: () => { kid: string; privatePem: string; publicPem: string }
  readonly nowMs: () => number
}

const HEADER = { alg: 'ES256', typ: ACCESS_TOKEN_TYPE } as const

/** Adds `app.signAccessToken`. */
export const signTokens = fp(
  async (app: FastifyInstance, options: SignTokensOptions) => {
    const { kid: firstKid, privatePem, publicPem } = options.activeKey()
    // For signing only: @fastify/jwt accepts tokens that our verifier refuses.
    await app.register(jwt, {
      secret: { private: privatePem, public: publicPem },
      sign: { algorithm: 'ES256', kid: firstKid, header: HEADER }
    })

    app.decorate('signAccessToken', (session, user) => {
      const { kid, privatePem: key } = options.activeKey()
      const claims = fitName(claimsFor(session, user, options))
      // A key in the options is parsed for each token, which takes longer than signing. Only a key that became active
      // after the start goes that way.
      const token =
        kid === firstKid ? app.jwt.sign(claims) : app.jwt.sign(claims, { key, algorithm: 'ES256', kid, header: HEADER })
      return { token, expiresInSeconds: claims.exp - claims.iat }
    })
  },
  { name: 'sign-tokens', fastify: '5.x' }
)

/** Bytes of claims in a token of 1023 characters: the rest is header, signature and base64url. */
const MAX_CLAIMS_BYTES = 620

/**
 * Shortens the name until the token stays under a kibibyte, because a token shares the headers of a request with other
 * fields. An ellipsis shows that the name is shortened. The profile has the whole name.
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
