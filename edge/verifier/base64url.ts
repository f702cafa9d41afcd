/** Decodes base64url in its one canonical form (RFC 4648 §5, RFC 7515 §2); it never encodes. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const NOT_IN_ALPHABET = 64

const VALUES = new Uint8Array(128).fill(NOT_IN_ALPHABET)
for (let value = 0; value < ALPHABET.length; value += 1) VALUES[ALPHABET.charCodeAt(value)] = value

/**
 * Decodes `text`, or returns undefined where it is not canonical: padding, white space, `+` and `/`, an impossible
 * length, or trailing bits that are not zero.
 *
 * Security: `atob` and `Buffer` forgive all of these. Many spellings of one token would slip past whatever compares
 * or remembers tokens as text.
 */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 === 1) return undefined

  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let bits = 0
  let bitCount = 0
  let length = 0
  for (let index = 0; index < text.length; index += 1) {
    const value = VALUES[text.charCodeAt(index)] ?? NOT_IN_ALPHABET
    if (value === NOT_IN_ALPHABET) return undefined

    bits = ((bits << 6) | value) & 0xffff
    bitCount += 6
    if (bitCount < 8) continue
    bitCount -= 8
    bytes[length] = bits >> bitCount
    length += 1
  }
  const trailingBits = bits & ((1 << bitCount) - 1)
  return trailingBits === 0 ? bytes : undefined
}
