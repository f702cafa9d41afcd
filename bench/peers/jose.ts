/**
 * jose as its documentation says (docs/jwt/verify/functions/jwtVerify.md): `jwtVerify` with issuer, audience, algorithms
 * and the `typ` that it recommends for access tokens.
 */

import { importJWK, jwtVerify } from 'jose'
import type { CreateVerifier } from './verifier.ts'

/** Imports the key once, by `importJWK`. */
export const createJose: CreateVerifier = async ({ issuer, audience, jwk }) => {
  const { kty, crv, x, y } = jwk
  const key = await importJWK({ kty, ...(crv && { crv }), ...(x && { x }), ...(y && { y }) }, 'ES256')
  const options = { issuer, audience, algorithms: ['ES256'], typ: 'at+jwt' }
  return token => jwtVerify(token, key, options)
}
