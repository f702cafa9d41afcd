/** Takes a compact JWS apart (RFC 7515 §7.1), strictly; nothing that it returns has been verified. */

import { MAX_TOKEN_BYTES } from '../contract/claims.ts'
import { decodeBase64url } from './base64url.ts'
import { type JsonMembers, parseJsonMembers } from './json-members.ts'

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

/** Takes a token apart: at most 4 KiB, exactly three parts, each canonical base64url, the header a strict JSON object. */
export function parseCompactJws(token: unknown): ParsedCompactJws {
  if (typeof token !== 'string') return refuse('the token is not a string')
  // Characters are bytes here: anything outside of ASCII is refused with the alphabet, a few lines on.
  if (token.length > MAX_TOKEN_BYTES) return refuse(`the token is longer than ${MAX_TOKEN_BYTES} bytes`)

  const [headerPart, payloadPart, signaturePart, ...more] = token.split('.')
  if (headerPart === undefined || payloadPart === undefined || signaturePart === undefined || more.length > 0) {
    return refuse('the token does not have three parts')
  }

  const headerBytes = decodeBase64url(headerPart)
  const unverifiedPayload = decodeBase64url(payloadPart)
  const signature = decodeBase64url(signaturePart)
  if (!headerBytes || !unverifiedPayload || !signature) return refuse('a part is not canonical base64url')

  const header = parseJsonMembers(headerBytes)
  if (!header.ok) return refuse(`the header is refused: ${header.reason}`)

  const signingInput = utf8.encode(token.slice(0, headerPart.length + 1 + payloadPart.length))
  return { ok: true, value: { unverifiedHeader: header.value, unverifiedPayload, signingInput, signature } }
}

function refuse(reason: string): ParsedCompactJws {
  return { ok: false, reason }
}
