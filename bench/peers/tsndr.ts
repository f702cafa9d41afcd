/**
 * @tsndr/cloudflare-worker-jwt as its README says (§ verify), with the algorithm and `throwError`. It checks `exp` and
 * `nbf` and leaves issuer and audience to its caller. It accepts a JWK, which it imports for every token, or a CryptoKey,
 * which is faster and used here.
 */

import { verify } from '@tsndr/cloudflare-worker-jwt'
import type { CreateVerifier } from './verifier.ts'

/** Imports the key once. */
export const createTsndr: CreateVerifier = async ({ jwk: { kty, crv, x, y } }) => {
  const members = { kty, crv, x, ...(y === undefined ? {} : { y }) } as JsonWebKey
  const key = await crypto.subtle.importKey('jwk', members, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify'])
  return token => verify(token, key, { algorithm: 'ES256', throwError: true })
}
