/** Signs access tokens for the benchmarks. No two are the same, so each is new to a verifier. */

import { randomUUID } from 'node:crypto'
import type { PublicJwk } from '../../edge/verifier/public-jwk.ts'
import { claimsOf, generateSigner, issueToken, publicJwkOf, type Signer } from '../../local/token-forge.ts'

/** The issuer of tokens that no origin has issued. */
export const ISSUER = 'https://auth.example.com'

/** The settings of a verifier for these tokens. */
export interface TokenMaterial {
  readonly issuer: string
  readonly audience: string
  readonly jwk: PublicJwk
}

/** Signs tokens under one key. */
export interface TokenSource {
  readonly material: TokenMaterial
  /** Signs `count` new tokens, valid for fifteen minutes. */
  tokens(count: number): string[]
}

/** The user and the session of a token. */
export interface Identity {
  readonly sub: string
  readonly sid: string
}

/**
 * Creates a token source: with a key of its own for users that do not exist, or with the key of an origin for `users`
 * with live sessions.
 */
export function createTokenSource(
  signer: Signer = generateSigner('ES256'),
  issuer: string = ISSUER,
  users: readonly Identity[] = []
): TokenSource {
  const material = { issuer, audience: issuer, jwk: publicJwkOf(signer) }
  return {
    material,
    tokens: count => {
      const claims = claimsOf({ issuer, audience: issuer, nowSeconds: Math.floor(Date.now() / 1000) })
      return Array.from({ length: count }, (_, i) => {
        const { sub, sid } = users[i % users.length] ?? { sub: randomUUID(), sid: randomUUID() }
        return issueToken(signer, { ...claims, sub, sid, jti: randomUUID() })
      })
    }
  }
}
