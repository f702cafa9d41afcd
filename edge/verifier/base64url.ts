/** Decodes base64url in its one canonical form (RFC 4648 §5, RFC 7515 §2); it never encodes. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** Negative, so that it shows in the sign of whatever it is combined with. */
const NOT_IN_ALPHABET = -1

const VALUES = new Int32Array(256).fill(NOT_IN_ALPHABET)
for (let value = 0; value < ALPHABET.length; value += 1) VALUES[ALPHABET.charCodeAt(value)] = value

const utf8 = new TextEncoder()

/** Decodes `text`, or returns undefined where it is not canonical. */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  return decodeBase64urlBytes(utf8.encode(text))
}

/**
 * Decodes the bytes of a text, or returns undefined where it is not canonical: padding, white space, `+` and `/`, an
 * impossible length, or trailing bits that are not zero.
 *
 * Security: `atob` and `Buffer` forgive all of these. Many spellings of one token would slip past whatever compares
 * or remembers tokens as text.
 */
export function decodeBase64urlBytes(ascii: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const tail = ascii.length % 4
  if (tail === 1) return undefined

  const bytes = new Uint8Array(Math.floor((ascii.length * 3) / 4))
  const wholeLength = ascii.length - tail
  let length = 0
  // Four characters are three bytes: a token has hundreds of them, and this is where they cost least.
  for (let index = 0; index < wholeLength; index += 4) {
    const bits =
      (valueAt(ascii, index) << 18) |
      (valueAt(ascii, index + 1) << 12) |
      (valueAt(ascii, index + 2) << 6) |
      valueAt(ascii, index + 3)
    if (bits < 0) return undefined
    bytes[length] = bits >> 16
    bytes[length + 1] = (bits >> 8) & 0xff
    bytes[length + 2] = bits & 0xff
    length += 3
  }
  return tail === 0 ? bytes : decodeTail(ascii, wholeLength, bytes, length)
}

/** The last two or three characters, which are one or two bytes and some bits that must be zero. */
function decodeTail(
  ascii: Uint8Array,
  index: number,
  bytes: Uint8Array<ArrayBuffer>,
  length: number
): Uint8Array<ArrayBuffer> | undefined {
  const hasThree = ascii.length - index === 3
  const third = hasThree ? valueAt(ascii, index + 2) : 0
  const bits = (valueAt(ascii, index) << 18) | (valueAt(ascii, index + 1) << 12) | (third << 6)
  if (bits < 0 || (bits & (hasThree ? 0xff : 0xffff)) !== 0) return undefined
  bytes[length] = bits >> 16
  if (hasThree) bytes[length + 1] = (bits >> 8) & 0xff
  return bytes
}

/** The value of the character at an index that exists. */
function valueAt(ascii: Uint8Array, index: number): number {
  return VALUES[ascii[index] as number] as number
}
