/** Parses a compact JWS strictly (RFC 7515 §7.1); nothing that it returns has been verified. */

import { MAX_TOKEN_BYTES } from '../contract/claims.ts'
import { type Parsed, parseFailure } from '../contract/parsed.ts'
import { decodeBase64urlBytes, decodeBase64urlInto } from './base64url.ts'
import { decodeUtf8 } from './json-members.ts'

/** The parts of a token, before its signature is checked. */
interface UnverifiedJws {
  /** As written, not decoded. All tokens of a key share one header, so it need not be parsed each time. */
  readonly unverifiedHeader: string
  /** The decoded text. It is parsed only after the signature is verified. */
  readonly unverifiedPayload: string
  /** The signed text: the first two parts with their dot, ASCII (RFC 7515 §5.2). */
  readonly signingInput: string
  readonly signature: Uint8Array<ArrayBuffer>
}

const utf8 = new TextEncoder()

// Two buffers, reused because allocating them costs as much as the work. Security: all verifications share them, so
// neither may be returned, or read after an `await`. `parseCompactJws` fills and reads them synchronously. It returns
// text, and bytes of its own.
const ascii = new Uint8Array(MAX_TOKEN_BYTES)
const payload = new Uint8Array(MAX_TOKEN_BYTES)

/** Parses a token: at most 4 KiB, exactly three parts, payload and signature canonical base64url, the payload UTF-8. */
export function parseCompactJws(token: unknown): Parsed<UnverifiedJws> {
  if (typeof token !== 'string') return parseFailure('the token is not a string')
  if (token.length > MAX_TOKEN_BYTES) return parseFailure(`the token is longer than ${MAX_TOKEN_BYTES} bytes`)

  const { read, written } = utf8.encodeInto(token, ascii)
  // ASCII has one byte for each character, so an index into the text is also an index into the bytes.
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
