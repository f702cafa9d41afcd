/** The verifier of Gatehouse as origin and edge set it up; the two differ only in the signature step. */

import { CLOCK_SKEW_SECONDS, DEFAULT_ACCESS_TOKEN_TTL_SECONDS } from '../../edge/contract/claims.ts'
import { createInlineKeySet, createTokenVerifier, type SignaturePort } from '../../edge/verifier/index.ts'
import type { CreateVerifier } from './verifier.ts'

/** Creates the verifier over a signature step. @param rememberedTokens 0 verifies each token anew */
export function createGatehouseOver(createPort: () => SignaturePort, rememberedTokens = 0): CreateVerifier {
  return ({ issuer, audience, jwk }) => {
    const signature = createPort()
    const { verify } = createTokenVerifier({
      issuer,
      audience,
      algorithms: ['ES256'],
      keys: createInlineKeySet({ keys: [jwk], signature }),
      signature,
      maxLifeSeconds: DEFAULT_ACCESS_TOKEN_TTL_SECONDS,
      clockSkewSeconds: CLOCK_SKEW_SECONDS,
      rememberedTokens
    })
    return async token => (await verify(token, Date.now())).ok
  }
}
