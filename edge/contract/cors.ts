/** The CORS headers of edge and origin (Fetch Standard): only listed origins may read answers. */

/** Response headers that a page of another origin may read, in addition to the safelisted ones. */
export const EXPOSED_HEADERS = 'RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, WWW-Authenticate'

/** How long a browser may cache the answer to a preflight. */
export const PREFLIGHT_MAX_AGE_SECONDS = 600

/**
 * The CORS headers of an answer to a request that carried `origin`.
 *
 * `Vary: Origin` is always set, so that no cache serves the answer for one origin to another.
 */
export function corsHeaders(
  origin: string | null | undefined,
  allowedOrigins: readonly string[]
): Record<string, string> {
  if (!origin || !allowedOrigins.includes(origin)) return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': EXPOSED_HEADERS
  }
}

/**
 * Whether a request is a preflight. It has no token by design (Fetch Standard §3.2.2).
 *
 * Security: a request with a token is never a preflight. Its token would otherwise reach the origin unverified.
 */
export function isPreflight({ method, headers }: Pick<Request, 'method' | 'headers'>): boolean {
  return method === 'OPTIONS' && headers.has('access-control-request-method') && !headers.has('authorization')
}

/**
 * The answer to a preflight of a listed origin; `undefined` for any other origin.
 *
 * Every requested method and header is allowed. The origin is listed by name, and the request itself is checked when it
 * arrives.
 */
export function preflightHeaders(
  headers: Pick<Headers, 'get'>,
  allowedOrigins: readonly string[]
): Record<string, string> | undefined {
  const origin = headers.get('origin')
  if (origin === null || !allowedOrigins.includes(origin)) return undefined
  const asked = headers.get('access-control-request-headers')
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': headers.get('access-control-request-method') ?? '',
    ...(asked !== null && { 'access-control-allow-headers': asked }),
    'access-control-max-age': String(PREFLIGHT_MAX_AGE_SECONDS),
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'
  }
}
