/** The names of the signature algorithms; keys and ports refer to them. */

/** A signature algorithm: `ES256` (RFC 7518 §3.4), or `EdDSA`, here always over Ed25519 (RFC 8037 §3.1). */
export type TokenAlgorithm = 'ES256' | 'EdDSA'

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
