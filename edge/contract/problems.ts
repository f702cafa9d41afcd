/** The problem catalogue (RFC 9457): every error that a client can see, at the edge and at the origin. */

/** `code` → HTTP status and title. A title is constant, so a client may show or translate it. */
export const PROBLEMS = {
  'malformed-request': { status: 400, title: 'The request could not be read' },
  'invalid-request': { status: 422, title: 'The request is not valid' },
  'invalid-credentials': { status: 401, title: 'Invalid email or password' },
  'email-unverified': { status: 403, title: 'Please verify your email' },
  'token-missing': { status: 401, title: 'An access token is required' },
  'token-invalid': { status: 401, title: 'The access token is not valid' },
  'token-expired': { status: 401, title: 'The access token has expired' },
  'session-ended': { status: 401, title: 'The session has ended' },
  'refresh-invalid': { status: 401, title: 'The refresh token is not valid' },
  'password-incorrect': { status: 403, title: 'The password is incorrect' },
  'link-expired': { status: 410, title: 'This link has expired. Please request a new one' },
  forbidden: { status: 403, title: 'This is not allowed' },
  'cross-site-request': { status: 403, title: 'Requests from other sites are not accepted' },
  'edge-required': { status: 403, title: 'This service is reached through its edge' },
  'captcha-required': { status: 403, title: 'Please solve the challenge' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'method-not-allowed': { status: 405, title: 'This method is not allowed here' },
  'email-taken': { status: 409, title: 'This address is already registered' },
  'payload-too-large': { status: 413, title: 'The request body is too large' },
  'uri-too-long': { status: 414, title: 'The address of the request is too long' },
  'unsupported-media-type': { status: 415, title: 'The request body must be application/json' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'too-many-attempts': { status: 429, title: 'Too many attempts. Please try again later' },
  'headers-too-large': { status: 431, title: 'The request headers are too large' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  unavailable: { status: 503, title: 'The service is unavailable at the moment' }
} as const satisfies Record<string, { status: number; title: string }>

/** The code of a problem: stable, for programs. */
export type ProblemCode = keyof typeof PROBLEMS

/** One invalid member of the body; `pointer` is a JSON Pointer (RFC 6901) to it. */
export interface InvalidMember {
  readonly pointer: string
  readonly detail: string
}

/** Optional members of a problem beyond its catalogue entry. */
export interface ProblemExtras {
  readonly detail?: string
  readonly errors?: readonly InvalidMember[]
  readonly siteKey?: string
}

/** The JSON body of a problem answer. */
interface ProblemBody extends ProblemExtras {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly requestId: string
}

/** Whether `code` names a problem of the catalogue. */
export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code)
}

/**
 * Builds the body of a problem answer.
 *
 * @param publicUrl the public origin of the service, without a trailing slash
 */
export function problemBody(
  publicUrl: string,
  code: ProblemCode,
  requestId: string,
  extras: ProblemExtras = {}
): ProblemBody {
  const { status, title } = PROBLEMS[code]
  return { type: `${publicUrl}/problems/${code}`, title, status, code, requestId, ...extras }
}
