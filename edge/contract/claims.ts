/** What an access token says, and the type check of its claims; who signed it and whether it still holds is the verifier's. */

/** The claims of an access token (RFC 9068 §2.2, and our own). */
export interface AccessClaims {
  /** Who issued the token: the public URL of the origin. */
  readonly iss: string
  /** Whom the token is for. */
  readonly aud: string
  /** The user id, a UUID. */
  readonly sub: string
  /** The session id, a UUID: what a logout revokes. */
  readonly sid: string
  /** The id of this token, a UUID. */
  readonly jti: string
  /** Issued at, in seconds since the epoch. */
  readonly iat: number
  /** Expires at, in seconds since the epoch; the first second at which the token no longer holds. */
  readonly exp: number
  readonly email: string
  readonly email_verified: boolean
  readonly role: 'user' | 'admin'
  /** For display only; may be empty. */
  readonly name: string
}

/** Claims of the right types, or why they are not. */
export type ParsedAccessClaims =
  | { readonly ok: true; readonly value: AccessClaims }
  | { readonly ok: false; readonly reason: string }

/** The `typ` of an access token (RFC 9068 §2.1); it keeps every other kind of JWT out. */
export const ACCESS_TOKEN_TYPE = 'at+jwt'

/** Longer tokens are refused unread. Ours stay under 1 KiB. */
export const MAX_TOKEN_BYTES = 4096

/** How far the clocks of an issuer and a verifier may differ. */
export const CLOCK_SKEW_SECONDS = 5

/** The life of an access token where nothing else is configured. */
export const DEFAULT_ACCESS_TOKEN_TTL_SECONDS = 900

interface Rule {
  readonly expected: string
  readonly accepts: (value: unknown) => boolean
}

// The pattern of `uuid.ts`, again because this floor imports nothing. Lower case only: a `sid` is looked up as text,
// and a second spelling of an ended session would look like a live one.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

// A lone surrogate or NUL has no faithful form in UTF-8 or in Postgres: what is shown would not be what was signed.
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.isWellFormed() && !value.includes('\0')

const text: Rule = { expected: 'a non-empty string', accepts: value => isText(value) && value !== '' }
const displayText: Rule = { expected: 'a string', accepts: isText }
const uuid: Rule = {
  expected: 'a UUID in lower case',
  accepts: value => typeof value === 'string' && UUID.test(value)
}
const seconds: Rule = {
  expected: 'whole seconds since the epoch',
  accepts: value => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

const RULES: Readonly<Record<keyof AccessClaims, Rule>> = {
  iss: text,
  // RFC 7519 §4.1.3 also allows an array. A token for several audiences can be replayed by each of them against the
  // others, and we never issue one, so that an array, even of one, is not ours.
  aud: text,
  sub: uuid,
  sid: uuid,
  jti: uuid,
  iat: seconds,
  exp: seconds,
  email: text,
  email_verified: { expected: 'a boolean', accepts: value => typeof value === 'boolean' },
  role: { expected: '"user" or "admin"', accepts: value => value === 'user' || value === 'admin' },
  name: displayText
}

const RULE_ENTRIES = Object.entries(RULES)

/**
 * Checks that a payload has every claim of an access token, each an own property of the right type.
 *
 * The value holds those claims and nothing else: unknown claims are ignored (RFC 7519 §4), not passed on. Whether
 * issuer, audience and times are right is not asked here.
 */
export function parseAccessClaims(unverified: unknown): ParsedAccessClaims {
  if (typeof unverified !== 'object' || unverified === null || Array.isArray(unverified)) {
    return { ok: false, reason: 'the claims are not an object' }
  }

  const members = unverified as Readonly<Record<string, unknown>>
  for (const [name, rule] of RULE_ENTRIES) {
    if (!Object.hasOwn(members, name)) return { ok: false, reason: `the claim "${name}" is missing` }

    const value = members[name]
    if (!rule.accepts(value)) return { ok: false, reason: `the claim "${name}" is not ${rule.expected}` }
  }
  // The loop above has just seen every member of the interface, by the table that TypeScript keeps complete.
  const { iss, aud, sub, sid, jti, iat, exp, email, email_verified, role, name } = members as unknown as AccessClaims
  return { ok: true, value: { iss, aud, sub, sid, jti, iat, exp, email, email_verified, role, name } }
}
