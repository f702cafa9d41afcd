/** Identifiers that sort by their time of birth (UUID version 7, RFC 9562 §5.7). */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Whether `text` is a UUID in its one canonical (lower-case) spelling. */
export function isUuid(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text)
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
