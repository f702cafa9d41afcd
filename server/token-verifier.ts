/** The verifier of this origin's own access tokens, with the settings under which it signs them. */

import { CLOCK_SKEW_SECONDS } from '../edge/contract/claims.ts'
import type { KeySource } from '../edge/verifier/key-source.ts'
import { createTokenVerifier, type TokenVerifier } from '../edge/verifier/verify-token.ts'
import type { Config } from './config.ts'
import { createNodeSignaturePort } from './lib/crypto/node-signature.ts'

/** Verified tokens that a process remembers: about 20 MB. */
const REMEMBERED_TOKENS = 10_000

/** Creates the verifier. A genuine token of other settings is refused and logged, once. */
export function createOwnTokenVerifier(
  config: Pick<Config, 'publicUrl' | 'tokenAudience' | 'accessTokenTtl'>,
  keys: KeySource,
  log: { warn(fields: object, message: string): void }
): TokenVerifier {
  return createTokenVerifier({
    issuer: config.publicUrl,
    audience: config.tokenAudience,
    algorithms: ['ES256'],
    keys,
    signature: createNodeSignaturePort(),
    maxLifeSeconds: config.accessTokenTtl,
    clockSkewSeconds: CLOCK_SKEW_SECONDS,
    rememberedTokens: REMEMBERED_TOKENS,
    onMismatch: mismatch => log.warn(mismatch, 'a genuine token was refused: was a setting changed?')
  })
}
