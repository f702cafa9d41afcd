/**
 * jsonwebtoken as its README says (§ jwt.verify), with algorithm, issuer and audience. A key object instead of a PEM
 * avoids parsing the key for every token. Without a callback it is synchronous.
 */

import { createPublicKey } from 'node:crypto'
import jsonwebtoken from 'jsonwebtoken'
import type { CreateVerifier } from './verifier.ts'

/** Creates the key object once. */
export const createJsonwebtoken: CreateVerifier = ({ issuer, audience, jwk }) => {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  return token => jsonwebtoken.verify(token, key, { algorithms: ['ES256'], issuer, audience })
}
