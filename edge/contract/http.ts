/** Names and small grammars of HTTP that edge and origin share. */

/** The cookie of the refresh token; `__Host-` binds it to one host, `/` and TLS (RFC 6265bis §4.1.3.2). */
export const REFRESH_COOKIE = '__Host-refresh'

/** The cookie that recognises a device which has signed in before; its value is signed. */
export const DEVICE_COOKIE = '__Host-device'

/** The media type of a problem answer (RFC 9457 §3). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** Set by the edge or the origin on every answer, and signed on the hop between them. */
export const REQUEST_ID_HEADER = 'x-request-id'

/** Headers of the signed hop from the edge to the origin; see `edge-hop.ts`. */
export const HOP_HEADERS = {
  clientAddress: 'x-gatehouse-client-address',
  timeMs: 'x-gatehouse-time',
  signature: 'x-gatehouse-signature'
} as const

/** The longest accepted request target (path and query). A longer one is answered with 414. */
export const MAX_TARGET_BYTES = 4096

/** The largest body of an API request. */
export const MAX_BODY_BYTES = 16_384

/** Security headers of every answer that is data, not a page. */
export const DATA_ANSWER_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY'
}

/** The content of an `Authorization` header: missing, a bearer token, or invalid. */
export type Bearer =
  | { readonly kind: 'missing' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'token'; readonly token: string }

/**
 * Reads a bearer token (RFC 6750 §2.1) from an `Authorization` header.
 *
 * Several headers arrive joined by a comma, which a token cannot contain. They are `invalid`; the first is not picked.
 */
export function parseBearer(authorization: string | null | undefined): Bearer {
  if (authorization === null || authorization === undefined || authorization === '') return { kind: 'missing' }
  const match = /^bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization)
  return match?.[1] === undefined ? { kind: 'invalid' } : { kind: 'token', token: match[1] }
}

/** The challenge of a 401 (RFC 6750 §3); without an error code where the request had no token. */
export function bearerChallenge(code: string): string {
  return code === 'token-missing' ? 'Bearer' : 'Bearer error="invalid_token"'
}
