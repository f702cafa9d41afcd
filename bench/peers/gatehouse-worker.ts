/** Ours in a Worker, as the edge sets it up: the signature step is WebCrypto. */

import { CLOCK_SKEW_SECONDS, DEFAULT_ACCESS_TOKEN_TTL_SECONDS } from '../../edge/contract/claims.ts'
import { createInlineKeySet, createTokenVerifier, createWebCryptoSignaturePort } from '../../edge/verifier/index.ts'
import type { TokenMaterial } from '../lib/tokens.ts'
import type { OpenVerifier, Verify } from './verifier.ts'

export const openGatehouseWorker: OpenVerifier = material => open(material, {})

/** The same, remembering as many tokens. */
export const openGatehouseWorkerRemembering: OpenVerifier = material => open(material, { rememberedTokens: 1000 })

function open({ issuer, audience, jwk }: TokenMaterial, memory: { readonly rememberedTokens?: number }): Verify {
  const signature = createWebCryptoSignaturePort()
  const { verify } = createTokenVerifier({
    issuer,
    audience,
    algorithms: ['ES256'],
    keys: createInlineKeySet({ keys: [jwk], signature }),
    signature,
    maxLifeSeconds: DEFAULT_ACCESS_TOKEN_TTL_SECONDS,
    clockSkewSeconds: CLOCK_SKEW_SECONDS,
    ...memory
  })
  return async token => (await verify(token, Date.now())).ok
}
