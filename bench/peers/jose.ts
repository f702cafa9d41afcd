/**
 * jose as its documentation says (docs/jwt/verify/functions/jwtVerify.md): the key imported once by `importJWK`, then
 * `jwtVerify` with issuer, audience, algorithms and `typ`, which it recommends for access tokens.
 */

import { importJWK, jwtVerify } from 'jose'
import type { CreateVerifier } from './verifier.ts'

export const createJose: CreateVerifier = async ({ issuer, audience, jwk }) => {
  const { kty, crv, x, y } = jwk
  const key = await importJWK({ kty, ...(crv && { crv }), ...(x && { x }), ...(y && { y }) }, 'ES256')
  const options = { issuer, audience, algorithms: ['ES256'], typ: 'at+jwt' }
  return token => jwtVerify(token, key, options)
}
