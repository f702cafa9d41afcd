/** Reads a JSON object from bytes, strictly (I-JSON, RFC 7493 §2); what its members mean is for the caller. */

/** The members of a JSON object. Read them with `member()`, never by name: a name may be `__proto__`. */
export type JsonMembers = Readonly<Record<string, unknown>>

/** An object, or why the bytes are not one. */
export type ParsedJsonMembers =
  | { readonly ok: true; readonly value: JsonMembers }
  | { readonly ok: false; readonly reason: string }

/** A token needs two levels and a key set three. */
const MAX_DEPTH = 16

const BACKSLASH = 0x5c

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

  const fault = findFault(text)
  return fault === undefined ? { ok: true, value } : { ok: false, reason: fault }
}

/** What `JSON.parse` forgave in `text`, which it has accepted: the scan relies on that for its grammar. */
function findFault(text: string): string | undefined {
  // One entry a level: the names seen in an object, null in an array.
  const levels: (Set<string> | null)[] = []
  let lastString = ''
  for (let index = 0; index < text.length; index += 1) {
    switch (text[index]) {
      case '"': {
        const end = endOfString(text, index)
        lastString = readString(text, index, end)
        if (!lastString.isWellFormed()) return 'a string with a lone surrogate'
        index = end
        break
      }
      case ':': {
        // Outside of strings a colon only ever follows a member's name.
        const names = levels.at(-1)
        if (names?.has(lastString)) return 'a duplicate member'
        names?.add(lastString)
        break
      }
      case '{':
      case '[':
        if (levels.push(text[index] === '{' ? new Set() : null) > MAX_DEPTH) return 'nested too deeply'
        break
      case '}':
      case ']':
        levels.pop()
    }
  }
  return undefined
}

/** The index of the quote that closes the string opened at `start`: the first with an even run of backslashes before. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (backslashesBefore(text, end) % 2 === 1) end = text.indexOf('"', end + 1)
  return end
}

function backslashesBefore(text: string, index: number): number {
  let count = 0
  while (text.charCodeAt(index - 1 - count) === BACKSLASH) count += 1
  return count
}

/** A string without its escapes, so that `"alg"` and `"\u0061lg"` are one name. */
function readString(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end)
  return raw.includes('\\') ? String(JSON.parse(text.slice(start, end + 1))) : raw
}
