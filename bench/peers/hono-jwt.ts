/**
 * hono/jwt as its documentation says (hono.dev/docs/helpers/jwt, `verify()`): algorithm, issuer and audience named. It
 * also takes a JWK and imports it for every token; a CryptoKey that was imported once is the faster way and is used.
 */

import { verify } from 'hono/jwt'
import type { CreateVerifier } from './verifier.ts'

export const createHonoJwt: CreateVerifier = async ({ issuer, audience, jwk: { kty, crv, x, y } }) => {
  const members = { kty, crv, x, ...(y === undefined ? {} : { y }) } as JsonWebKey
  const key = await crypto.subtle.importKey('jwk', members, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify'])
  const options = { alg: 'ES256', iss: issuer, aud: audience, typ: 'at+jwt' } as const
  return token => verify(token, key, options)
}
