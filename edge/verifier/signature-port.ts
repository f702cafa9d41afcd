/** What the verifier needs of a crypto library; the libraries are bound elsewhere. */

import type { PublicJwk } from './public-jwk.ts'
import type { TokenAlgorithm } from './token-algorithm.ts'

/** A public key, bound to one id and one algorithm. */
export interface VerificationKey {
  readonly kid: string
  readonly algorithm: TokenAlgorithm
  /** What the port that imported the key needs to use it. */
  readonly material: unknown
}

/** The signature step, so that Node can use `node:crypto` and everything else WebCrypto. */
export interface SignaturePort {
  /** Imports a public key. Throws a TypeError on a key that is not usable. */
  importKey(jwk: PublicJwk): VerificationKey | Promise<VerificationKey>
  /**
   * Whether `signature` is that of `key` over `signingInput`; false, not an error, for a signature of any wrong form.
   *
   * @param signingInput text, since each library has its own fastest way from text to bytes (UTF-8; of a token all ASCII)
   */
  verify(key: VerificationKey, signingInput: string, signature: Uint8Array): boolean | Promise<boolean>
}

/** The length of a signature of either algorithm (RFC 7518 §3.4, RFC 8032 §5.1.6). */
export const SIGNATURE_BYTES = 64
