/** Creates key pairs, unseals their private part, and converts their public part to a JWK. */

import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { NewSigningKey, SigningKeyRow } from '../../../db/queries/signing-keys.ts'
import type { PublicJwk } from '../../../edge/verifier/public-jwk.ts'
import { signingKeyLabel } from '../../lib/crypto/seal-labels.ts'
import type { SealedBox } from '../../lib/crypto/sealed-box.ts'

/** A key that can sign. */
export interface SigningKey {
  readonly kid: string
  readonly privatePem: string
  readonly publicPem: string
}

/** Creates a pair. Its private part is sealed. */
export function createKeyPair(box: SealedBox, state: 'active' | 'next', now: Date): NewSigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomBytes(12).toString('base64url')
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  return {
    kid,
    algorithm: 'ES256',
    state,
    publicJwk: { kty: String(kty), crv: String(crv), x: String(x), y: String(y) },
    sealedPrivateKey: box.seal(Buffer.from(privateKey.export({ format: 'pem', type: 'pkcs8' })), signingKeyLabel(kid)),
    createdAt: now,
    stateSince: now
  }
}

/** @throws {Error} where the key is removed, or was sealed under a root secret that is not in `ROOT_SECRETS` */
export function unsealSigningKey(box: SealedBox, { kid, sealedPrivateKey }: SigningKeyRow): SigningKey {
  if (sealedPrivateKey === null) throw new Error(`the signing key "${kid}" is removed and has no private part`)
  const privatePem = box.unseal(sealedPrivateKey, signingKeyLabel(kid)).toString()
  const publicPem = createPublicKey(privatePem).export({ format: 'pem', type: 'spki' }).toString()
  return { kid, privatePem, publicPem }
}

/** The public members of a key, as a JWKS holds them (RFC 7517). */
export function publicJwkOf(row: SigningKeyRow): PublicJwk {
  return { ...row.publicJwk, kid: row.kid, alg: row.algorithm, use: 'sig' } as PublicJwk
}
