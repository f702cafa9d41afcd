/** The signature step over WebCrypto, for Workers, browsers, Deno, Bun, and Node without the `node:crypto` port. */

import { type PublicJwk, parsePublicJwk } from './public-jwk.ts'
import { SIGNATURE_BYTES, type SignaturePort, type VerificationKey } from './signature-port.ts'
import type { TokenAlgorithm } from './token-algorithm.ts'

const IMPORT: Readonly<Record<TokenAlgorithm, EcKeyImportParams | Algorithm>> = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' }
}

const VERIFY: Readonly<Record<TokenAlgorithm, EcdsaParams | Algorithm>> = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' }
}

const utf8 = new TextEncoder()

/**
 * Creates a signature port over WebCrypto. It has no state.
 *
 * @param subtle typed by its value, because the types of Node do not name `SubtleCrypto`
 *
 * @example
 * const signature = createWebCryptoSignaturePort()
 * const key = await signature.importKey(jwk)
 * await signature.verify(key, 'never signed', new Uint8Array(64)) // → false
 */
export function createWebCryptoSignaturePort(subtle: typeof crypto.subtle = crypto.subtle): SignaturePort {
  return {
    async importKey(jwk: PublicJwk): Promise<VerificationKey> {
      const parsed = parsePublicJwk(jwk)
      if (!parsed.ok) throw new TypeError(`Cannot import a verification key: ${parsed.reason}`)

      const { kid, algorithm } = parsed.value
      const { kty, crv, x, y } = parsed.value.jwk
      const members: JsonWebKey = { kty, ...(crv && { crv }), ...(x && { x }), ...(y && { y }) }
      try {
        const material = await subtle.importKey('jwk', members, IMPORT[algorithm], false, ['verify'])
        return { kid, algorithm, material }
      } catch (cause) {
        throw new TypeError(`Cannot import the verification key "${kid}": it is not a point of its curve`, { cause })
      }
    },

    // Over an ArrayBuffer of the verifier: WebCrypto refuses shared memory.
    verify(key, signingInput, signature: Uint8Array<ArrayBuffer>): boolean | Promise<boolean> {
      if (signature.length !== SIGNATURE_BYTES) return false
      if (!(key.material instanceof CryptoKey)) throw new TypeError('Cannot verify: the key is from another port')
      // Newly encoded bytes: an engine may read them long after this returns.
      return subtle.verify(VERIFY[key.algorithm], key.material, signature, utf8.encode(signingInput))
    }
  }
}
