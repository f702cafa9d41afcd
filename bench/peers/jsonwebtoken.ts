/**
 * jsonwebtoken as its README says (§ jwt.verify): a key object instead of a PEM, so that no key is parsed for a token,
 * and the algorithm, issuer and audience named. Without a callback it is synchronous.
 */

import { createPublicKey } from 'node:crypto'
import jsonwebtoken from 'jsonwebtoken'
import type { CreateVerifier } from './verifier.ts'

export const createJsonwebtoken: CreateVerifier = ({ issuer, audience, jwk }) => {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  return token => jsonwebtoken.verify(token, key, { algorithms: ['ES256'], issuer, audience })
}
