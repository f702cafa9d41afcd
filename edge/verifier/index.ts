/** The public names of the verifier, for other people: `gatehouse/verifier`. */

export type { AccessClaims } from '../contract/claims.ts'
export type { Fetch } from './fetch-jwk-set.ts'
export {
  createInlineKeySet,
  createRemoteKeySet,
  type InlineKeySetOptions,
  type KeySource,
  KeysUnavailableError,
  type RemoteKeySet,
  type RemoteKeySetOptions
} from './key-set.ts'
export type { PublicJwk } from './public-jwk.ts'
export type { SignaturePort, TokenAlgorithm, VerificationKey } from './signature-port.ts'
export {
  createTokenVerifier,
  type TokenVerifier,
  type TokenVerifierOptions,
  type Verified,
  type VerifyFailure
} from './verify-token.ts'
export { createWebCryptoSignaturePort } from './webcrypto-signature.ts'
