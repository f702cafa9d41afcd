/** The minimal signature check with WebCrypto: decode and verify. Header, claims and times are not checked. */

import type { CreateVerifier } from './verifier.ts'

const ES256 = { name: 'ECDSA', hash: 'SHA-256' } as const

/** Imports the key once. */
export const createBareWebCrypto: CreateVerifier = async ({ jwk: { kty, crv, x, y } }) => {
  const members = { kty, crv, x, ...(y === undefined ? {} : { y }) } as JsonWebKey
  const key = await crypto.subtle.importKey('jwk', members, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify'])
  const encoder = new TextEncoder()
  return token => {
    const dot = token.lastIndexOf('.')
    return crypto.subtle.verify(ES256, key, bytesOf(token.slice(dot + 1)), encoder.encode(token.slice(0, dot)))
  }
}

/** Decodes with `atob`, which is native in every engine but accepts base64 only. */
function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}
