/** Decodes base64url in its one canonical form (RFC 4648 §5, RFC 7515 §2); it never encodes. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** Negative, so that any combination with it has a negative sign. */
const NOT_IN_ALPHABET = -1

const VALUES = new Int32Array(256).fill(NOT_IN_ALPHABET)
for (let value = 0; value < ALPHABET.length; value += 1) VALUES[ALPHABET.charCodeAt(value)] = value

const utf8 = new TextEncoder()

/** Decodes `text`; undefined where it is not canonical. */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  // By bytes, not by character codes: a character outside of ASCII becomes bytes above 127, which no digit has.
  const encoded = utf8.encode(text)
  return decodeBase64urlBytes(encoded, 0, encoded.length)
}

/** Decodes a part of an encoded text; undefined where it is not canonical. */
export function decodeBase64urlBytes(
  encoded: Uint8Array,
  start: number,
  end: number
): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(Math.floor(((end - start) * 3) / 4))
  return decodeBase64urlInto(bytes, encoded, start, end) === undefined ? undefined : bytes
}

/**
 * Decodes a part of an encoded text into `target` and returns the number of bytes; undefined where it is not canonical:
 * padding, white space, `+` and `/`, an impossible length, or trailing bits that are not zero.
 *
 * Security: `atob` and `Buffer` accept all of these. One token would then have many spellings, and code that compares or
 * remembers tokens as text would miss all but one.
 *
 * @param target has room for three bytes of every four
 */
export function decodeBase64urlInto(
  target: Uint8Array,
  encoded: Uint8Array,
  start: number,
  end: number
): number | undefined {
  const tail = (end - start) % 4
  if (tail === 1) return undefined

  const wholeEnd = end - tail
  let length = 0
  // Four characters are three bytes. A token has hundreds of characters, so this loop is the hot one.
  for (let index = start; index < wholeEnd; index += 4) {
    const bits =
      (valueAt(encoded, index) << 18) |
      (valueAt(encoded, index + 1) << 12) |
      (valueAt(encoded, index + 2) << 6) |
      valueAt(encoded, index + 3)
    if (bits < 0) return undefined
    target[length] = bits >> 16
    target[length + 1] = (bits >> 8) & 0xff
    target[length + 2] = bits & 0xff
    length += 3
  }
  if (tail === 0) return length

  const bits = readTail(encoded, wholeEnd, tail === 3)
  if (bits < 0) return undefined
  target[length] = bits >> 16
  if (tail === 2) return length + 1
  target[length + 1] = (bits >> 8) & 0xff
  return length + 2
}

/** The last two or three characters as 24 bits; negative where a bit beyond their whole bytes is not zero. */
function readTail(encoded: Uint8Array, index: number, hasThree: boolean): number {
  const third = hasThree ? valueAt(encoded, index + 2) : 0
  const bits = (valueAt(encoded, index) << 18) | (valueAt(encoded, index + 1) << 12) | (third << 6)
  return (bits & (hasThree ? 0xff : 0xffff)) === 0 ? bits : NOT_IN_ALPHABET
}

/** The value of the character at an index that exists. */
function valueAt(encoded: Uint8Array, index: number): number {
  return VALUES[encoded[index] as number] as number
}
