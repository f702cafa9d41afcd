/**
 * fast-jwt as its README says (§ createVerifier): a fixed PEM key, with algorithm, issuer and audience, which makes it
 * synchronous. Its cache is off by default; § Caching turns it on with `cache: true`. The default key builder stays,
 * because the README warns against others.
 */

import { createPublicKey } from 'node:crypto'
import { createVerifier } from 'fast-jwt'
import type { TokenMaterial } from '../lib/tokens.ts'
import type { CreateVerifier, Verify } from './verifier.ts'

/** Without its cache, as by default. */
export const createFastJwt: CreateVerifier = material => create(material, false)
/** With its cache. */
export const createFastJwtCached: CreateVerifier = material => create(material, true)

function create({ issuer, audience, jwk }: TokenMaterial, cache: boolean): Verify {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ format: 'pem', type: 'spki' })
  return createVerifier({ key: String(key), algorithms: ['ES256'], allowedIss: issuer, allowedAud: audience, cache })
}
