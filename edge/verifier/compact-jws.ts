/** Takes a compact JWS apart (RFC 7515 §7.1), strictly; nothing that it returns has been verified. */

import { createBoundedMap } from '../contract/bounded-map.ts'
import { MAX_TOKEN_BYTES } from '../contract/claims.ts'
import { decodeBase64url, decodeBase64urlBytes } from './base64url.ts'
import { type JsonMembers, type ParsedJsonMembers, parseJsonMembers } from './json-members.ts'

/** The parts of a token, before its signature is checked. */
export interface UnverifiedJws {
  readonly unverifiedHeader: JsonMembers
  /** Not parsed as long as nobody vouches for it. */
  readonly unverifiedPayload: Uint8Array<ArrayBuffer>
  /** What the signature is over: the ASCII of the first two parts with their dot (RFC 7515 §5.2). */
  readonly signingInput: Uint8Array<ArrayBuffer>
  readonly signature: Uint8Array<ArrayBuffer>
}

/** A token taken apart, or why it is none. */
export type ParsedCompactJws =
  | { readonly ok: true; readonly value: UnverifiedJws }
  | { readonly ok: false; readonly reason: string }

const utf8 = new TextEncoder()
const DOT = 0x2e

/** Reads the first part of a token: canonical base64url of a strict JSON object. */
export function readHeaderPart(part: string): ParsedJsonMembers {
  const bytes = decodeBase64url(part)
  return bytes ? parseJsonMembers(bytes) : { ok: false, reason: 'not canonical base64url' }
}

const REMEMBERED_HEADERS = 64

/** Every token of a key has the same header: it is read once. What is remembered is what its text says, and no verdict. */
export function createHeaderReader(): typeof readHeaderPart {
  const known = createBoundedMap<string, ParsedJsonMembers>(REMEMBERED_HEADERS)
  return part => {
    const before = known.get(part)
    if (before !== undefined) return before
    const header = readHeaderPart(part)
    if (header.ok) known.set(part, header)
    return header
  }
}

/**
 * Takes a token apart: at most 4 KiB, exactly three parts, each canonical base64url, the header a strict JSON object.
 *
 * @param readHeader may remember: the header is the same text for every token of a key
 */
export function parseCompactJws(token: unknown, readHeader = readHeaderPart): ParsedCompactJws {
  if (typeof token !== 'string') return refuse('the token is not a string')
  // Characters are bytes here: anything outside of ASCII is refused with the alphabet, a few lines on.
  if (token.length > MAX_TOKEN_BYTES) return refuse(`the token is longer than ${MAX_TOKEN_BYTES} bytes`)

  const ascii = utf8.encode(token)
  const headerEnd = ascii.indexOf(DOT)
  const payloadEnd = ascii.indexOf(DOT, headerEnd + 1)
  if (headerEnd < 0 || payloadEnd < 0 || ascii.includes(DOT, payloadEnd + 1)) {
    return refuse('the token does not have three parts')
  }

  const unverifiedPayload = decodeBase64urlBytes(ascii.subarray(headerEnd + 1, payloadEnd))
  const signature = decodeBase64urlBytes(ascii.subarray(payloadEnd + 1))
  if (!unverifiedPayload || !signature) return refuse('a part is not canonical base64url')

  const header = readHeader(token.slice(0, headerEnd))
  if (!header.ok) return refuse(`the header is refused: ${header.reason}`)

  const signingInput = ascii.subarray(0, payloadEnd)
  return { ok: true, value: { unverifiedHeader: header.value, unverifiedPayload, signingInput, signature } }
}

function refuse(reason: string): ParsedCompactJws {
  return { ok: false, reason }
}
