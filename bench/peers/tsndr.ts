/**
 * @tsndr/cloudflare-worker-jwt as its README says (§ verify): the algorithm named and errors thrown. It checks `exp` and
 * `nbf` and leaves issuer and audience to its caller. It also takes a JWK and imports it for every token; a CryptoKey
 * that was imported once is the faster way and is used.
 */

import { verify } from '@tsndr/cloudflare-worker-jwt'
import type { CreateVerifier } from './verifier.ts'

export const createTsndr: CreateVerifier = async ({ jwk: { kty, crv, x, y } }) => {
  const members = { kty, crv, x, ...(y === undefined ? {} : { y }) } as JsonWebKey
  const key = await crypto.subtle.importKey('jwk', members, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify'])
  return token => verify(token, key, { algorithm: 'ES256', throwError: true })
}
