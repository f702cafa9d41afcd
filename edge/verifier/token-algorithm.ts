/** The names of the signature algorithms; keys and ports refer to them. */

/** A signature algorithm: `ES256` (RFC 7518 §3.4), or `EdDSA`, here always over Ed25519 (RFC 8037 §3.1). */
export type TokenAlgorithm = 'ES256' | 'EdDSA'

// RFC 9864 names EdDSA over Ed25519 `Ed25519` and deprecates the old name. Both are the same operation on the same key,
// so an issuer may change the name before its verifiers do.
const ALGORITHMS: ReadonlyMap<unknown, TokenAlgorithm> = new Map([
  ['ES256', 'ES256'],
  ['EdDSA', 'EdDSA'],
  ['Ed25519', 'EdDSA']
])

/** The algorithm of an `alg` member, exactly spelt; undefined for every other value. */
export function parseAlgorithm(alg: unknown): TokenAlgorithm | undefined {
  return ALGORITHMS.get(alg)
}
