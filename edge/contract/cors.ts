/** Which other origins may read our answers (Fetch Standard, CORS protocol): exactly those that were listed. */

/** Headers that a browser on another origin may read besides the safelisted ones. */
export const EXPOSED_HEADERS = 'RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, WWW-Authenticate'

/** How long a browser may remember the answer to a preflight. */
export const PREFLIGHT_MAX_AGE_SECONDS = 600

/**
 * The CORS headers of an answer to a request that carried `origin`.
 *
 * `Vary: Origin` is always there, so that no cache serves one origin's answer to another.
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
 * Security: what has one is none, or the origin would believe it.
 */
export function isPreflight({ method, headers }: Pick<Request, 'method' | 'headers'>): boolean {
  return method === 'OPTIONS' && headers.has('access-control-request-method') && !headers.has('authorization')
}

/**
 * The answer to a preflight of a page that may read our answers; `undefined` for one of any other page.
 *
 * Whatever method and headers the page asks for are allowed: its origin is trusted by name, and what the request may do is
 * decided when the request itself comes.
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
