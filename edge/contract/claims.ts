/** The claims of an access token and their type check; signature, issuer and times are left to the verifier. */

import { type Parsed, parseFailure } from './parsed.ts'
import { isUuid } from './uuid.ts'

/** The claims of an access token (RFC 9068 §2.2, and our own). */
export interface AccessClaims {
  /** The issuer: the public URL of the origin. */
  readonly iss: string
  /** The audience: the API that may accept the token. */
  readonly aud: string
  /** The user id, a UUID. */
  readonly sub: string
  /** The session id, a UUID. A logout revokes it. */
  readonly sid: string
  /** The id of this token, a UUID. */
  readonly jti: string
  /** Issued at, in seconds since the epoch. */
  readonly iat: number
  /** Expires at, in seconds since the epoch: the first second at which the token is refused. */
  readonly exp: number
  /** The client that the token was issued to (RFC 9068 §2.2). */
  readonly client_id: string
  /** The counter of the refresh token issued with this token. Use of this token confirms that one. */
  readonly rot: number
  readonly email: string
  readonly email_verified: boolean
  readonly role: 'user' | 'admin'
  /** For display only; may be empty. */
  readonly name: string
}

/** The `typ` of an access token (RFC 9068 §2.1). It excludes every other kind of JWT. */
export const ACCESS_TOKEN_TYPE = 'at+jwt'

/** Longer tokens are refused without parsing. Ours stay under 1 KiB. */
export const MAX_TOKEN_BYTES = 4096

/** The accepted difference between the clocks of an issuer and a verifier. */
export const CLOCK_SKEW_SECONDS = 5

/** The default life of an access token. */
export const DEFAULT_ACCESS_TOKEN_TTL_SECONDS = 900

/** Each claim as it was found; undefined where it is missing. */
type UnverifiedClaims = { readonly [Name in keyof AccessClaims]: unknown }

const EXPECTED: Readonly<Record<keyof AccessClaims, string>> = {
  iss: 'a non-empty string',
  aud: 'a non-empty string',
  sub: 'a UUID in lower case',
  sid: 'a UUID in lower case',
  jti: 'a UUID in lower case',
  iat: 'whole seconds since the epoch',
  exp: 'whole seconds since the epoch',
  client_id: 'a non-empty string',
  rot: 'a whole number',
  email: 'a non-empty string',
  email_verified: 'a boolean',
  role: '"user" or "admin"',
  name: 'a string'
}

/**
 * Checks that a payload has every claim of an access token, each an own property of the right type.
 *
 * The value holds only those claims. Unknown claims are ignored (RFC 7519 §4) and not passed on. Issuer, audience and
 * times are not checked here.
 */
export function parseAccessClaims(unverified: unknown): Parsed<AccessClaims> {
  if (typeof unverified !== 'object' || unverified === null || Array.isArray(unverified)) {
    return parseFailure('the claims are not an object')
  }

  const members = unverified as Readonly<Record<string, unknown>>
  // Each by its name and not in a loop: every token passes here, and the engine optimises constant names.
  const claims: UnverifiedClaims = {
    iss: own(members, 'iss'),
    aud: own(members, 'aud'),
    sub: own(members, 'sub'),
    sid: own(members, 'sid'),
    jti: own(members, 'jti'),
    iat: own(members, 'iat'),
    exp: own(members, 'exp'),
    client_id: own(members, 'client_id'),
    rot: own(members, 'rot'),
    email: own(members, 'email'),
    email_verified: own(members, 'email_verified'),
    role: own(members, 'role'),
    name: own(members, 'name')
  }
  const wrong = findWrong(claims)
  if (wrong === undefined) return { ok: true, value: claims as AccessClaims }

  const fault = claims[wrong] === undefined ? 'missing' : `not ${EXPECTED[wrong]}`
  return parseFailure(`the claim "${wrong}" is ${fault}`)
}

function own(members: Readonly<Record<string, unknown>>, name: keyof AccessClaims): unknown {
  return Object.hasOwn(members, name) ? members[name] : undefined
}

/** The first claim that is missing or of a wrong type. */
function findWrong(claims: UnverifiedClaims): keyof AccessClaims | undefined {
  if (!isNonEmptyText(claims.iss)) return 'iss'
  // RFC 7519 §4.1.3 also allows an array. But each of several audiences could replay the token against the others.
  // The issuer never writes an array, so even an array of one is refused.
  if (!isNonEmptyText(claims.aud)) return 'aud'
  // Lower case only: a `sid` is looked up as text, so a second spelling of an ended session would count as live.
  if (!isUuid(claims.sub)) return 'sub'
  if (!isUuid(claims.sid)) return 'sid'
  if (!isUuid(claims.jti)) return 'jti'
  if (!isWholeNumber(claims.iat)) return 'iat'
  if (!isWholeNumber(claims.exp)) return 'exp'
  if (!isNonEmptyText(claims.client_id)) return 'client_id'
  if (!isWholeNumber(claims.rot)) return 'rot'
  if (!isNonEmptyText(claims.email)) return 'email'
  if (typeof claims.email_verified !== 'boolean') return 'email_verified'
  if (claims.role !== 'user' && claims.role !== 'admin') return 'role'
  return isText(claims.name) ? undefined : 'name'
}

// A lone surrogate or NUL has no faithful form in UTF-8 or Postgres: the shown text would differ from the signed one.
function isText(value: unknown): boolean {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0')
}

function isNonEmptyText(value: unknown): boolean {
  return value !== '' && isText(value)
}

function isWholeNumber(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
