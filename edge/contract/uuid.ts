/** Identifiers that sort by their time of birth (UUID version 7, RFC 9562 §5.7). */

/** For each place a letter, and for each letter what may stand there: digits, dash, version and variant. */
const PLACES = 'dddddddd-dddd-vddd-nddd-dddddddddddd'
const ALLOWED = { d: '0123456789abcdef', '-': '-', v: '12345678', n: '89ab' }

// One bit for each letter. A place has the bit of its letter, a character the bits of all letters that allow it.
const placeBits = new Uint8Array(PLACES.length)
const characterBits = new Uint8Array(128)
for (const [index, [letter, characters]] of Object.entries(ALLOWED).entries()) {
  const bit = 1 << index
  for (let place = 0; place < PLACES.length; place += 1) if (PLACES[place] === letter) placeBits[place] = bit
  for (const character of characters) {
    const code = character.charCodeAt(0)
    characterBits[code] = bitsOf(code) | bit
  }
}

/** Whether `text` is a UUID in its one canonical (lower-case) spelling. */
export function isUuid(text: unknown): text is string {
  if (typeof text !== 'string' || text.length !== PLACES.length) return false
  // No branch that depends on random digits, unlike a pattern: three of them are checked with every token.
  for (let place = 0; place < PLACES.length; place += 1) {
    if ((bitsOf(text.charCodeAt(place)) & (placeBits[place] as number)) === 0) return false
  }
  return true
}

/** Of a character; none outside of ASCII, so that no other can pass for one of these. */
function bitsOf(code: number): number {
  return characterBits[code] ?? 0
}

/**
 * Builds a version 7 UUID.
 *
 * @param random a version 4 UUID, as every platform makes them fastest: what is random in its second half, and 12 bits more
 */
export function uuidV7(nowMs: number, random: string): string {
  const time = nowMs.toString(16).padStart(12, '0')
  // Both versions keep their variant in the same place.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`
}
