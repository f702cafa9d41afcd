/** Tokens to verify: no two are the same, so that one that was not sent before was not seen before. */

import { randomUUID } from 'node:crypto'
import type { PublicJwk } from '../../edge/verifier/public-jwk.ts'
import { claimsOf, generateSigner, issueToken, publicJwkOf, type Signer } from '../../local/token-forge.ts'

export const ISSUER = 'https://auth.example.com'

/** What a verifier has to be told. */
export interface TokenMaterial {
  readonly issuer: string
  readonly audience: string
  readonly jwk: PublicJwk
}

export interface TokenSource {
  readonly material: TokenMaterial
  /** Signs `count` more; they hold for fifteen minutes. */
  tokens(count: number): string[]
}

/** Whose token it is. */
export interface Identity {
  readonly sub: string
  readonly sid: string
}

/**
 * Signs under a key of its own for people that do not exist, or under that of an origin for `people` who are signed in.
 * Every token is another one, whosever it is.
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
