/** The signature step over `node:crypto`: synchronous, so that no token waits in the thread pool behind bcrypt. */

import { createPublicKey, KeyObject, verify } from 'node:crypto'
import { type PublicJwk, parsePublicJwk } from '../../../edge/verifier/public-jwk.ts'
import { SIGNATURE_BYTES, type SignaturePort, type VerificationKey } from '../../../edge/verifier/signature-port.ts'

const INTEGER_BYTES = 32
const SEQUENCE_TAG = 0x30
const INTEGER_TAG = 0x02
/** Two tags and lengths inside another, and a zero before each integer with its first bit set. */
const MAX_DER_BYTES = 2 + 2 * (2 + 1 + INTEGER_BYTES)

/** Creates a signature port over `node:crypto`. It keeps nothing between calls. */
export function createNodeSignaturePort(): SignaturePort {
  return {
    importKey(jwk: PublicJwk): VerificationKey {
      const parsed = parsePublicJwk(jwk)
      if (!parsed.ok) throw new TypeError(`Cannot import a verification key: ${parsed.reason}`)

      const { kid, algorithm } = parsed.value
      try {
        return { kid, algorithm, material: createPublicKey({ key: { ...parsed.value.jwk }, format: 'jwk' }) }
      } catch (cause) {
        throw new TypeError(`Cannot import the verification key "${kid}": it is not a point of its curve`, { cause })
      }
    },

    verify(key, signingInput, signature): boolean {
      if (signature.length !== SIGNATURE_BYTES) return false
      if (!(key.material instanceof KeyObject)) throw new TypeError('Cannot verify: the key is from another port')

      // From Buffer's pool: `TextEncoder` would allocate memory for each token, which costs microseconds.
      const data = Buffer.from(signingInput)
      if (key.algorithm === 'EdDSA') return verify(null, data, key.material, signature)
      // A bare key and DER are measurably faster than `dsaEncoding: 'ieee-p1363'`, which Node rewrites to DER more slowly.
      // They are also faster than an options object that names 'der'.
      return verify('sha256', data, key.material, derOf(signature))
    }
  }
}

/**
 * Rewrites an ECDSA signature from r ‖ s (RFC 7518 §3.4) to DER (RFC 3279 §2.2.3), which OpenSSL reads natively.
 *
 * Any 64 bytes give canonical DER. OpenSSL refuses an r or s that is out of range.
 */
export function derOf(signature: Uint8Array): Uint8Array {
  const der = new Uint8Array(MAX_DER_BYTES)
  const afterR = writeInteger(der, 2, signature, 0)
  const end = writeInteger(der, afterR, signature, INTEGER_BYTES)
  der[0] = SEQUENCE_TAG
  der[1] = end - 2
  return der.subarray(0, end)
}

/**
 * Writes the integer at `from` as a DER INTEGER at `offset`, and returns where it ends. The only leading zero is the one
 * that keeps the integer positive.
 */
function writeInteger(der: Uint8Array, offset: number, signature: Uint8Array, from: number): number {
  const last = from + INTEGER_BYTES - 1
  let first = from
  while (first < last && signature[first] === 0) first += 1
  const signByte = byteAt(signature, first) > 0x7f ? 1 : 0

  der[offset] = INTEGER_TAG
  der[offset + 1] = signByte + last - first + 1
  let end = offset + 2 + signByte
  // Byte by byte: a view of each half would cost more than the copy.
  for (let index = first; index <= last; index += 1) {
    der[end] = byteAt(signature, index)
    end += 1
  }
  return end
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] as number
}
