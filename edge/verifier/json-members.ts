/** Reads a JSON object from bytes, strictly (I-JSON, RFC 7493 §2); what its members mean is for the caller. */

/** The members of a JSON object. Read them with `member()`, never by name: a name may be `__proto__`. */
export type JsonMembers = Readonly<Record<string, unknown>>

/** An object, or why the bytes are not one. */
export type ParsedJsonMembers =
  | { readonly ok: true; readonly value: JsonMembers }
  | { readonly ok: false; readonly reason: string }

/** A token needs two levels and a key set three. */
const MAX_DEPTH = 16

const [QUOTE, COLON, BACKSLASH] = [0x22, 0x3a, 0x5c]
const [OPENING_BRACKET, CLOSING_BRACKET] = [0x5b, 0x5d]
const [OPENING_BRACE, CLOSING_BRACE] = [0x7b, 0x7d]

// `ignoreBOM` keeps a byte order mark in the text, where JSON's own grammar refuses it (RFC 8259 §8.1).
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The own member `name`, or undefined. */
export function member(members: JsonMembers, name: string): unknown {
  return Object.hasOwn(members, name) ? members[name] : undefined
}

/** Whether a value out of `JSON.parse` is an object and not an array. */
export function isJsonMembers(value: unknown): value is JsonMembers {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Parses bytes as one JSON object: valid UTF-8, no duplicate member at any depth, no lone surrogate, bounded depth.
 *
 * Security: `JSON.parse` keeps the last of two duplicates, other parsers the first. A token that two verifiers read
 * differently is how one of them is deceived (RFC 8725 §2.4).
 */
export function parseJsonMembers(bytes: Uint8Array): ParsedJsonMembers {
  let text: string
  let value: unknown
  try {
    text = utf8.decode(bytes)
  } catch {
    return { ok: false, reason: 'not valid UTF-8' }
  }
  try {
    // Native, linear, and safe at any depth: V8 keeps its own stack, other engines throw a RangeError.
    value = JSON.parse(text)
  } catch {
    // The engine's message quotes the text: it must not reach a log.
    return { ok: false, reason: 'not valid JSON' }
  }
  if (!isJsonMembers(value)) return { ok: false, reason: 'not a JSON object' }

  const fault = findFault(bytes, value) ?? (text.includes('\\') ? findLoneSurrogate(value) : undefined)
  return fault === undefined ? { ok: true, value } : { ok: false, reason: fault }
}

/** What `JSON.parse` forgave in `bytes`, which it has accepted: the scan relies on that for its grammar. */
function findFault(bytes: Uint8Array, value: JsonMembers): string | undefined {
  let [depth, deepest, names] = [0, 0, 0]
  let isInString = false
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index]
    if (isInString) {
      if (byte === BACKSLASH) index += 1
      else if (byte === QUOTE) isInString = false
    } else if (byte === QUOTE) isInString = true
    // Outside of strings a colon only ever follows a member's name.
    else if (byte === COLON) names += 1
    else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) deepest = Math.max(deepest, ++depth)
    else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) depth -= 1
  }
  if (deepest > MAX_DEPTH) return 'nested too deeply'
  // Of two members of one name, however it was written, one is left.
  return names === countMembers(value) ? undefined : 'a duplicate member'
}

/** The members of a value and of all that is in it. */
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  for (const name of Object.keys(value)) count += countMembers((value as JsonMembers)[name])
  return Array.isArray(value) ? count : count + Object.keys(value).length
}

/** Only an escape can write half of a pair: bytes that do are no UTF-8. */
function findLoneSurrogate(value: unknown): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'a string with a lone surrogate'
  if (typeof value !== 'object' || value === null) return undefined
  for (const name of Object.keys(value)) {
    const fault = findLoneSurrogate(name) ?? findLoneSurrogate((value as JsonMembers)[name])
    if (fault !== undefined) return fault
  }
  return undefined
}
