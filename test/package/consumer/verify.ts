/** A consumer's module: verifies tokens with an inline key. It uses no type or global of one runtime only. */

import {
  createInlineKeySet,
  createTokenVerifier,
  createWebCryptoSignaturePort,
  type PublicJwk,
  type TokenVerifier
} from 'gatehouse/verifier'

export function openVerifier(issuer: string, jwk: PublicJwk): TokenVerifier {
  const signature = createWebCryptoSignaturePort()
  return createTokenVerifier({
    issuer,
    audience: issuer,
    algorithms: ['ES256'],
    keys: createInlineKeySet({ keys: [jwk], signature }),
    signature,
    maxLifeSeconds: 900,
    clockSkewSeconds: 5
  })
}

/** The members of a result that a consumer reads, with explicit types, so that `any` does not compile. */
export async function subjectOf(verifier: TokenVerifier, token: string): Promise<string> {
  const result = await verifier.verify(token, Date.now())
  if (result.ok) return result.claims.sub
  const code: 'token-invalid' | 'token-expired' | 'keys-unavailable' = result.code
  return code
}
