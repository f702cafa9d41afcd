/**
 * fast-jwt as its README says (§ createVerifier): a PEM key given once, the algorithm, issuer and audience named. It is
 * synchronous that way. Its cache is off by default; § Caching switches it on with `cache: true`, and its own key
 * builder stays, because the README warns of others.
 */

import { createPublicKey } from 'node:crypto'
import { createVerifier } from 'fast-jwt'
import type { TokenMaterial } from '../lib/tokens.ts'
import type { CreateVerifier, Verify } from './verifier.ts'

export const createFastJwt: CreateVerifier = material => create(material, false)
export const createFastJwtCached: CreateVerifier = material => create(material, true)

function create({ issuer, audience, jwk }: TokenMaterial, cache: boolean): Verify {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ format: 'pem', type: 'spki' })
  return createVerifier({ key: String(key), algorithms: ['ES256'], allowedIss: issuer, allowedAud: audience, cache })
}
