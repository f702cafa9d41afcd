/** The interface between the verifier and a crypto library; its implementations are elsewhere. */

import type { PublicJwk } from './public-jwk.ts'
import type { TokenAlgorithm } from './token-algorithm.ts'

/** A public key, bound to one id and one algorithm. */
export interface VerificationKey {
  readonly kid: string
  readonly algorithm: TokenAlgorithm
  /** The imported key, in the form of the port that imported it. */
  readonly material: unknown
}

/** The signature step, so that Node can use `node:crypto` and other platforms WebCrypto. */
export interface SignaturePort {
  /** Imports a public key. Throws a TypeError on an unusable key. */
  importKey(jwk: PublicJwk): VerificationKey | Promise<VerificationKey>
  /**
   * Whether `key` made `signature` over `signingInput`. A malformed signature is false, not an error.
   *
   * @param signingInput text, because each library has its own fastest way from text to bytes (UTF-8; ASCII in a token)
   */
  verify(key: VerificationKey, signingInput: string, signature: Uint8Array): boolean | Promise<boolean>
}

/** The length of a signature of either algorithm (RFC 7518 §3.4, RFC 8032 §5.1.6). */
export const SIGNATURE_BYTES = 64
