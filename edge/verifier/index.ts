/** The public names of the verifier, `gatehouse/verifier`. Each function has an example, which a test runs. */

export type { AccessClaims } from '../contract/claims.ts'
export type { Fetch } from './fetch-jwk-set.ts'
export { createInlineKeySet, type InlineKeySetOptions } from './inline-key-set.ts'
export { type KeySource, KeysUnavailableError } from './key-source.ts'
export type { Mismatch } from './mismatch.ts'
export type { PublicJwk } from './public-jwk.ts'
export { createRemoteKeySet, type RemoteKeySet, type RemoteKeySetOptions } from './remote-key-set.ts'
export type { SignaturePort, VerificationKey } from './signature-port.ts'
export type { TokenAlgorithm } from './token-algorithm.ts'
export type { TokenVerifierOptions } from './verifier-options.ts'
export { createTokenVerifier, type TokenVerifier, type Verified, type VerifyFailure } from './verify-token.ts'
export { createWebCryptoSignaturePort } from './webcrypto-signature.ts'
