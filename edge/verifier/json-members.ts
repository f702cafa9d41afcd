/** Parses a JSON object strictly (I-JSON, RFC 7493 §2); the meaning of its members is left to the caller. */

import { type Parsed, parseFailure } from '../contract/parsed.ts'

/** The members of a JSON object. Read them with `member()`, never directly: a name may be `__proto__`. */
export type JsonMembers = Readonly<Record<string, unknown>>

/** A token needs two levels and a key set three. */
const MAX_DEPTH = 16

const QUOTE = 0x22
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPENING_BRACKET = 0x5b
const CLOSING_BRACKET = 0x5d
const OPENING_BRACE = 0x7b
const CLOSING_BRACE = 0x7d

// `ignoreBOM` keeps a byte order mark in the text, so that the JSON grammar refuses it (RFC 8259 §8.1).
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The own member `name`, or undefined. */
export function member(members: JsonMembers, name: string): unknown {
  return Object.hasOwn(members, name) ? members[name] : undefined
}

/** Whether a value from `JSON.parse` is an object and not an array. */
export function isJsonMembers(value: unknown): value is JsonMembers {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Decodes UTF-8; undefined where it is not valid. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** Parses bytes as one JSON object: valid UTF-8, under the rules of `parseJsonText`. */
export function parseJsonMembers(bytes: Uint8Array): Parsed<JsonMembers> {
  const text = decodeUtf8(bytes)
  return text === undefined ? parseFailure('not valid UTF-8') : parseJsonText(text)
}

/**
 * Parses text as one JSON object: no duplicate member at any depth, no lone surrogate, bounded depth.
 *
 * Security: `JSON.parse` keeps the last of two duplicates, other parsers the first. An attacker uses such a token to
 * make two verifiers read different claims (RFC 8725 §2.4).
 *
 * @param text from `decodeUtf8()`: only an escape in it can write a lone surrogate
 */
export function parseJsonText(text: string): Parsed<JsonMembers> {
  let value: unknown
  try {
    // Native, linear, and safe at any depth: V8 keeps its own stack, other engines throw a RangeError.
    value = JSON.parse(text)
  } catch {
    // The engine's message quotes the text, which must not reach a log.
    return parseFailure('not valid JSON')
  }
  if (!isJsonMembers(value)) return parseFailure('not a JSON object')

  const fault = findFault(text, value) ?? (text.includes('\\') ? findLoneSurrogate(value) : undefined)
  return fault === undefined ? { ok: true, value } : parseFailure(fault)
}

/** A fault that `JSON.parse` does not report. The scan relies on the grammar, which `JSON.parse` has checked. */
function findFault(text: string, value: JsonMembers): string | undefined {
  let depth = 0
  let deepest = 0
  let names = 0
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code === QUOTE) index = closingQuote(text, index)
    // Outside of strings, a colon only follows the name of a member.
    else if (code === COLON) names += 1
    else if (code === OPENING_BRACE || code === OPENING_BRACKET) deepest = Math.max(deepest, ++depth)
    else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) depth -= 1
  }
  if (deepest > MAX_DEPTH) return 'nested too deeply'
  // `JSON.parse` keeps one of two members with the same name, however it was written. Claims are one level deep.
  const left = deepest === 1 ? Object.keys(value).length : countMembers(value)
  return names === left ? undefined : 'a duplicate member'
}

/** The end of the string that begins at `opening`. Most of a token is strings, which a native search skips. */
function closingQuote(text: string, opening: number): number {
  let index = text.indexOf('"', opening + 1)
  while (isEscaped(text, index)) index = text.indexOf('"', index + 1)
  // Never backwards, so the scan ends for every text.
  return Math.max(opening, index)
}

/** Whether an odd number of backslashes precedes `index`. An even number consists of escaped backslashes. */
function isEscaped(text: string, index: number): boolean {
  let first = index
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1
  return (index - first) % 2 === 1
}

/** The number of members of a value and of all values inside it. */
function countMembers(value: object): number {
  const names = Object.keys(value)
  let count = Array.isArray(value) ? 0 : names.length
  for (const name of names) {
    const inner = (value as JsonMembers)[name]
    if (typeof inner === 'object' && inner !== null) count += countMembers(inner)
  }
  return count
}

/** A string with half of a surrogate pair. Only an escape can write it, because its bytes are not valid UTF-8. */
function findLoneSurrogate(value: unknown): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'a string with a lone surrogate'
  if (typeof value !== 'object' || value === null) return undefined
  for (const name of Object.keys(value)) {
    const fault = findLoneSurrogate(name) ?? findLoneSurrogate((value as JsonMembers)[name])
    if (fault !== undefined) return fault
  }
  return undefined
}
