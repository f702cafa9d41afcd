/** Ours on Node, as the origin sets it up: the signature step is synchronous `node:crypto`. */

import { CLOCK_SKEW_SECONDS, DEFAULT_ACCESS_TOKEN_TTL_SECONDS } from '../../edge/contract/claims.ts'
import { createInlineKeySet, createTokenVerifier } from '../../edge/verifier/index.ts'
import { createNodeSignaturePort } from '../../server/lib/node-signature.ts'
import type { TokenMaterial } from '../lib/tokens.ts'
import type { OpenVerifier, Verify } from './verifier.ts'

export const openGatehouse: OpenVerifier = material => open(material, {})

/** The same, remembering as many tokens. */
export const openGatehouseRemembering: OpenVerifier = material => open(material, { rememberedTokens: 1000 })

function open({ issuer, audience, jwk }: TokenMaterial, memory: { readonly rememberedTokens?: number }): Verify {
  const signature = createNodeSignaturePort()
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
