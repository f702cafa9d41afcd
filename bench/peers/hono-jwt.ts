/**
 * hono/jwt as its documentation says (hono.dev/docs/helpers/jwt, `verify()`), with algorithm, issuer and audience. It
 * accepts a JWK, which it imports for every token, or a CryptoKey, which is faster and used here.
 */

import { verify } from 'hono/jwt'
import type { CreateVerifier } from './verifier.ts'

/** Imports the key once. */
export const createHonoJwt: CreateVerifier = async ({ issuer, audience, jwk: { kty, crv, x, y } }) => {
  const members = { kty, crv, x, ...(y === undefined ? {} : { y }) } as JsonWebKey
  const key = await crypto.subtle.importKey('jwk', members, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify'])
  const options = { alg: 'ES256', iss: issuer, aud: audience, typ: 'at+jwt' } as const
  return token => verify(token, key, options)
}
