/**
 * The minimal signature check on Node: decode the signature and call OpenSSL. Header, claims and times are not checked.
 * There are two, because the two encodings of a signature differ in cost; the faster one counts.
 */

import { createPublicKey, verify } from 'node:crypto'
import { derOf } from '../../server/lib/crypto/node-signature.ts'
import type { CreateVerifier } from './verifier.ts'

/** Node accepts the JOSE encoding and converts it itself (nodejs.org/api/crypto: `dsaEncoding`). */
export const createBareP1363: CreateVerifier = ({ jwk }) => {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  return token => {
    const dot = token.lastIndexOf('.')
    const signature = Buffer.from(token.slice(dot + 1), 'base64url')
    return verify('sha256', Buffer.from(token.slice(0, dot), 'latin1'), { key, dsaEncoding: 'ieee-p1363' }, signature)
  }
}

/** The signature is converted to DER, which OpenSSL reads natively. */
export const createBareDer: CreateVerifier = ({ jwk }) => {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  return token => {
    const dot = token.lastIndexOf('.')
    const signature = derOf(Buffer.from(token.slice(dot + 1), 'base64url'))
    return verify('sha256', Buffer.from(token.slice(0, dot), 'latin1'), key, signature)
  }
}
