/** UUIDs: their check, and identifiers that sort by creation time (version 7, RFC 9562 §5.7). */

/** A letter for each place, and the characters that each letter allows: digits, dash, version and variant. */
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
  // A regular expression branches on random digits. Three UUIDs are checked with every token, so this loop does not.
  for (let place = 0; place < PLACES.length; place += 1) {
    if ((bitsOf(text.charCodeAt(place)) & (placeBits[place] as number)) === 0) return false
  }
  return true
}

/** The bits of a character; 0 outside of ASCII, so a similar character never counts as an allowed one. */
function bitsOf(code: number): number {
  return characterBits[code] ?? 0
}

/**
 * Builds a version 7 UUID.
 *
 * @param random a version 4 UUID, which every platform makes fastest; its random second half and 12 more bits are used
 */
export function uuidV7(nowMs: number, random: string): string {
  const time = nowMs.toString(16).padStart(12, '0')
  // Both versions keep their variant in the same place.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`
}
