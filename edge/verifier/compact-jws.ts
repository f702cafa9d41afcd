/** Takes a compact JWS apart (RFC 7515 §7.1), strictly; nothing that it returns has been verified. */

import { MAX_TOKEN_BYTES } from '../contract/claims.ts'
import { type Parsed, parseFailure } from '../contract/parsed.ts'
import { decodeBase64urlBytes, decodeBase64urlInto } from './base64url.ts'
import { decodeUtf8 } from './json-members.ts'

/** The parts of a token, before its signature is checked. */
interface UnverifiedJws {
  /** As it is written: every token of a key has the same, so that it need not be read each time. */
  readonly unverifiedHeader: string
  /** The text that was encoded, not parsed as long as nobody vouches for it. */
  readonly unverifiedPayload: string
  /** What the signature is over: the first two parts with their dot, ASCII (RFC 7515 §5.2). */
  readonly signingInput: string
  readonly signature: Uint8Array<ArrayBuffer>
}

const utf8 = new TextEncoder()

// Two places to work in, since making them anew costs as much as the work. Security: all verifications share them, so
// nothing of them may be handed out or read after a wait. `parseCompactJws` fills and reads them in one synchronous go;
// what it returns is text, and bytes of its own.
const ascii = new Uint8Array(MAX_TOKEN_BYTES)
const payload = new Uint8Array(MAX_TOKEN_BYTES)

/** Takes a token apart: at most 4 KiB, exactly three parts, payload and signature canonical base64url, the payload UTF-8. */
export function parseCompactJws(token: unknown): Parsed<UnverifiedJws> {
  if (typeof token !== 'string') return parseFailure('the token is not a string')
  if (token.length > MAX_TOKEN_BYTES) return parseFailure(`the token is longer than ${MAX_TOKEN_BYTES} bytes`)

  const { read, written } = utf8.encodeInto(token, ascii)
  // Only of ASCII are there as many bytes as characters; from here on an index of one is an index of the other.
  if (read !== token.length || written !== token.length) return parseFailure('the token is not ASCII')

  const headerEnd = token.indexOf('.')
  const payloadEnd = token.indexOf('.', headerEnd + 1)
  if (headerEnd < 0 || payloadEnd < 0 || token.includes('.', payloadEnd + 1)) {
    return parseFailure('the token does not have three parts')
  }

  const payloadLength = decodeBase64urlInto(payload, ascii, headerEnd + 1, payloadEnd)
  const signature = decodeBase64urlBytes(ascii, payloadEnd + 1, token.length)
  if (payloadLength === undefined || !signature) return parseFailure('a part is not canonical base64url')

  const unverifiedPayload = decodeUtf8(payload.subarray(0, payloadLength))
  if (unverifiedPayload === undefined) return parseFailure('the payload is not valid UTF-8')

  const unverifiedHeader = token.slice(0, headerEnd)
  const signingInput = token.slice(0, payloadEnd)
  return { ok: true, value: { unverifiedHeader, unverifiedPayload, signingInput, signature } }
}
