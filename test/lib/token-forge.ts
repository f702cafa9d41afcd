/** Builds tokens, right and wrong, from their parts; which of them a verifier must refuse is in `token-vectors.ts`. */

import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import type { AccessClaims } from '../../edge/contract/claims.ts'
import type { PublicJwk } from '../../edge/verifier/public-jwk.ts'
import type { TokenAlgorithm } from '../../edge/verifier/token-algorithm.ts'

/** A private key with the names under which its public half is known. */
export interface Signer {
  readonly kid: string
  readonly algorithm: TokenAlgorithm
  readonly privateKey: KeyObject
}

/** A part of a token: an object is written as JSON, a string and bytes are taken as they are. */
export type Part = string | Uint8Array | object

/** Makes a fresh key pair. */
export function generateSigner(algorithm: TokenAlgorithm, kid: string = randomUUID()): Signer {
  const { privateKey } =
    algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
  return { kid, algorithm, privateKey }
}

/** The public half of a signer, as it would be published. */
export function publicJwkOf(signer: Signer): PublicJwk {
  const { kty, crv, x, y } = createPublicKey(signer.privateKey).export({ format: 'jwk' })
  if (!kty || !crv || !x) throw new Error('Node exported a public key without its members')
  const { kid, algorithm: alg } = signer
  return { kid, kty, crv, x, ...(y === undefined ? {} : { y }), alg, use: 'sig' }
}

/** Canonical base64url of a part. */
export function encodePart(part: Part): string {
  if (part instanceof Uint8Array) return Buffer.from(part).toString('base64url')
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

/** The raw 64-byte signature of a signer over `input`. */
export function signRaw(signer: Signer, input: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(input)
  if (signer.algorithm === 'EdDSA') return sign(null, bytes, signer.privateKey)
  return sign('sha256', bytes, { key: signer.privateKey, dsaEncoding: 'ieee-p1363' })
}

/** Joins two parts that are already encoded, however badly, with the signer's genuine signature over them. */
export function sealParts(signer: Signer, header: string, payload: string): string {
  const input = `${header}.${payload}`
  return `${input}.${encodePart(signRaw(signer, input))}`
}

/** A token with a genuine signature over any header and any payload. */
export function sealToken(signer: Signer, header: Part, payload: Part): string {
  return sealParts(signer, encodePart(header), encodePart(payload))
}

/** A token whose signature is made by `mangle`, from what was to be signed and the genuine one. */
export function mangleSignature(
  signer: Signer,
  header: Part,
  payload: Part,
  mangle: (genuine: Uint8Array, input: string) => Part
): string {
  const input = `${encodePart(header)}.${encodePart(payload)}`
  return `${input}.${encodePart(mangle(signRaw(signer, input), input))}`
}

/** The raw HMAC over `input`, as an attacker makes it who takes a public key for a secret. */
export function hmac(hash: string, secret: string | Uint8Array, input: string): Uint8Array {
  return createHmac(hash, secret).update(input).digest()
}

/** The header that the signer's tokens have. */
export function headerOf(signer: Signer): { alg: string; typ: string; kid: string } {
  return { alg: signer.algorithm, typ: 'at+jwt', kid: signer.kid }
}

/** The claims of a token issued at `nowSeconds` for 15 minutes to a made-up person. */
export function claimsOf(who: { issuer: string; audience: string; nowSeconds: number }): AccessClaims {
  return {
    iss: who.issuer,
    aud: who.audience,
    sub: '0199a8d4-1c00-7000-8000-0000000000a1',
    sid: '0199a8d4-1c00-7000-8000-0000000000b2',
    jti: '0199a8d4-1c00-7000-8000-0000000000c3',
    iat: who.nowSeconds,
    exp: who.nowSeconds + 900,
    client_id: 'gatehouse',
    rot: 0,
    email: 'ada@example.com',
    email_verified: true,
    role: 'user',
    name: 'Ada Lovelace'
  }
}

/** Issues a genuine token. */
export function issueToken(signer: Signer, claims: AccessClaims): string {
  return sealToken(signer, headerOf(signer), claims)
}
