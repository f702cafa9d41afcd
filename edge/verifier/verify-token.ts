/**
 * The access-token verifier: parse, key, signature, claims, times, in that order. Quotas and revocation are left to the
 * gateway.
 *
 * Over 200 lines: the steps of a verification belong together.
 */

import { type BoundedMap, createBoundedMap } from '../contract/bounded-map.ts'
import { type AccessClaims, parseAccessClaims } from '../contract/claims.ts'
import type { Parsed, ParseFailure } from '../contract/parsed.ts'
import { parseCompactJws } from './compact-jws.ts'
import { type JsonMembers, member, parseJsonText } from './json-members.ts'
import { type KeySource, KeysUnavailableError } from './key-source.ts'
import { createMismatchNotes, type NoteMismatch } from './mismatch.ts'
import type { VerificationKey } from './signature-port.ts'
import { createHeaderReader, type TokenHeader } from './token-header.ts'
import { checkOptions, type TokenVerifierOptions } from './verifier-options.ts'

/** A refused token. The code is for the client. The reason is for the log, and may change. */
export interface VerifyFailure extends ParseFailure {
  readonly code: 'token-invalid' | 'token-expired' | 'keys-unavailable'
}

/** A token that is valid now. */
export type Verified = { readonly ok: true; readonly claims: AccessClaims; readonly kid: string }

/** Verifies tokens; see `createTokenVerifier`. */
export interface TokenVerifier {
  /** Verifies one token at the time `nowMs`. It never throws or rejects, whatever the token. */
  verify(token: string, nowMs: number): Promise<Verified | VerifyFailure>
}

/** A token with a valid signature and valid claims. Only its times and its key can still change. */
interface Remembered {
  readonly verified: Verified
  readonly key: VerificationKey
  readonly unverifiedNotBefore: unknown
}

/** The parts of a verifier. */
interface Verifier {
  readonly options: TokenVerifierOptions
  readonly readHeader: ReturnType<typeof createHeaderReader>
  readonly memory: BoundedMap<string, Remembered> | undefined
  readonly noteMismatch: NoteMismatch
}

type Checked<Value> = Parsed<Value, VerifyFailure>

/**
 * Creates a verifier of access tokens (RFC 9068, under RFC 8725). Throws a TypeError on options that are missing,
 * unknown or invalid.
 *
 * Only a token with a valid signature and otherwise valid claims is `token-expired`. Every forgery is `token-invalid`.
 *
 * @example
 * const signature = createWebCryptoSignaturePort()
 * const { verify } = createTokenVerifier({
 *   issuer: 'https://auth.example.com',
 *   audience: 'https://api.example.com',
 *   algorithms: ['ES256'],
 *   keys: createRemoteKeySet({ url: jwksUrl, fetch, signature, algorithms: ['ES256'] }),
 *   signature,
 *   maxLifeSeconds: 900,
 *   clockSkewSeconds: 5
 * })
 * const result = await verify(token, Date.now())
 * result.ok ? result.claims.role : result.code // → 'user'
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  checkOptions(options)
  const { rememberedTokens = 0 } = options
  const memory = rememberedTokens > 0 ? createBoundedMap<string, Remembered>(rememberedTokens) : undefined
  const readHeader = createHeaderReader(options.algorithms)
  const verifier = { options, readHeader, memory, noteMismatch: createMismatchNotes(options.onMismatch) }
  return {
    // Not async itself: a second promise would cost as much as all of the parsing.
    verify(token, nowMs) {
      const known = memory?.get(token)
      if (known !== undefined && isStillUsed(options.keys, known.key, nowMs))
        return Promise.resolve(checkTimes(known, options, nowMs))
      return verifyAfresh(token, verifier, nowMs)
    }
  }
}

/** Whether the key source still has this key, without waiting for it. */
function isStillUsed(keys: KeySource, key: VerificationKey, nowMs: number): boolean {
  try {
    const found = keys.find(key.kid, nowMs)
    if (found === key) return true
    // Where the answer takes time, the token is verified again, which waits for the key.
    if (found instanceof Promise) found.catch(() => {})
    return false
  } catch {
    return false
  }
}

// Over 40 lines: every step of a verification in order, each with its own refusal.
async function verifyAfresh(
  token: string,
  { options, readHeader, memory, noteMismatch }: Verifier,
  nowMs: number
): Promise<Verified | VerifyFailure> {
  const jws = parseCompactJws(token)
  if (!jws.ok) return invalid(jws.reason)

  const header = readHeader(jws.value.unverifiedHeader)
  if (!header.ok) return invalid(header.reason)

  let found: VerificationKey | undefined
  try {
    const finding = options.keys.find(header.value.kid, nowMs)
    // A key in memory is not awaited: each promise costs time on this path.
    found = finding instanceof Promise ? await finding : finding
  } catch (error) {
    return keysUnavailable(error)
  }
  const key = checkKey(found, header.value)
  if (!key.ok) return key

  try {
    const checking = options.signature.verify(key.value, jws.value.signingInput, jws.value.signature)
    // Compared with true: a port that returns nothing must not accept a token.
    if ((typeof checking === 'boolean' ? checking : await checking) !== true) return invalid('the signature is wrong')
  } catch (error) {
    // A library that fails on a signature has not verified it.
    return invalid(`the signature could not be checked: ${nameOf(error)}`)
  }

  const payload = parseJsonText(jws.value.unverifiedPayload)
  if (!payload.ok) return invalid(`the payload is refused: ${payload.reason}`)
  const claims = checkClaims(payload.value, options, nowMs, noteMismatch)
  if (!claims.ok) return claims

  const verified = { ok: true, claims: claims.value, kid: key.value.kid } as const
  const known = { verified, key: key.value, unverifiedNotBefore: member(payload.value, 'nbf') }
  const checked = checkTimes(known, options, nowMs)
  if (checked.ok && memory !== undefined) {
    // Frozen, because every request with this token receives the same claims.
    Object.freeze(Object.freeze(verified).claims)
    memory.set(token, known)
  }
  return checked
}

function checkKey(key: VerificationKey | undefined, header: TokenHeader): Checked<VerificationKey> {
  if (!key) return invalid('the "kid" is not known')
  // Security: the key decides the algorithm, never the token (RFC 8725 §3.1).
  if (key.kid !== header.kid || key.algorithm !== header.algorithm) return invalid('the "kid" is not for this "alg"')
  return { ok: true, value: key }
}

function keysUnavailable(error: unknown): VerifyFailure {
  const why = error instanceof KeysUnavailableError ? error.message : `the key source failed: ${nameOf(error)}`
  return { ok: false, code: 'keys-unavailable', reason: why }
}

/** The checks that do not depend on the current time. Comparisons are written so that NaN on either side refuses. */
function checkClaims(
  payload: JsonMembers,
  options: TokenVerifierOptions,
  nowMs: number,
  noteMismatch: NoteMismatch
): Checked<AccessClaims> {
  const parsed = parseAccessClaims(payload)
  if (!parsed.ok) return invalid(parsed.reason)

  const claims = parsed.value
  if (claims.iss !== options.issuer) {
    noteMismatch('iss', options.issuer, claims.iss, nowMs)
    return invalid('the "iss" is not the accepted issuer')
  }
  if (options.audience !== null && claims.aud !== options.audience) {
    noteMismatch('aud', options.audience, claims.aud, nowMs)
    return invalid('the "aud" is not the accepted audience')
  }
  const lifeSeconds = claims.exp - claims.iat
  if (!(lifeSeconds > 0 && lifeSeconds <= options.maxLifeSeconds)) {
    noteMismatch('life', `1 to ${options.maxLifeSeconds}`, lifeSeconds, nowMs)
    return invalid('the life, "exp" - "iat", is not within the accepted one')
  }
  return { ok: true, value: claims }
}

function checkTimes(
  { verified, unverifiedNotBefore }: Remembered,
  { clockSkewSeconds }: TokenVerifierOptions,
  nowMs: number
): Verified | VerifyFailure {
  const { iat, exp } = verified.claims
  const skewMs = clockSkewSeconds * 1000
  if (!(iat * 1000 <= nowMs + skewMs)) return invalid('the "iat" is in the future')
  if (unverifiedNotBefore !== undefined && !isReached(unverifiedNotBefore, nowMs + skewMs))
    return invalid('the "nbf" is not reached')

  // RFC 7519 §4.1.4: refused on or after `exp`. The last check, so that only a genuine token is `token-expired`.
  if (!(nowMs < exp * 1000 + skewMs)) return { ok: false, code: 'token-expired', reason: 'the token expired' }
  return verified
}

function isReached(unverifiedSeconds: unknown, nowMs: number): boolean {
  return Number.isFinite(unverifiedSeconds) && Number(unverifiedSeconds) * 1000 <= nowMs
}

function invalid(reason: string): VerifyFailure {
  return { ok: false, code: 'token-invalid', reason }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}
