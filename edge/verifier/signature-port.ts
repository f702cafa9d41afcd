/** What the verifier needs of a crypto library, and the names of the algorithms; the libraries are bound elsewhere. */

import type { PublicJwk } from './public-jwk.ts'

/** A signature algorithm: `ES256` (RFC 7518 §3.4), or `EdDSA`, here always over Ed25519 (RFC 8037 §3.1). */
export type TokenAlgorithm = 'ES256' | 'EdDSA'

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

// RFC 9864 gives EdDSA over Ed25519 the name `Ed25519` and deprecates the old one. Both name the same operation on
// the same key, so that an issuer may move from one to the other without asking its verifiers first.
const ALGORITHMS: ReadonlyMap<unknown, TokenAlgorithm> = new Map([
  ['ES256', 'ES256'],
  ['EdDSA', 'EdDSA'],
  ['Ed25519', 'EdDSA']
])

/** The algorithm that an `alg` member names, exactly spelt; undefined for every other value. */
export function parseAlgorithm(alg: unknown): TokenAlgorithm | undefined {
  return ALGORITHMS.get(alg)
}
