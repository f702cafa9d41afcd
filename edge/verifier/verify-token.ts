/**
 * The access-token verifier: parse, key, signature, claims, times, in that order; quotas and revocation are the gateway's.
 *
 * Over 200 lines: the steps of a verification are read in one piece.
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

/** A refused token. The code is for the client; the reason is for the log, and may change. */
export interface VerifyFailure extends ParseFailure {
  readonly code: 'token-invalid' | 'token-expired' | 'keys-unavailable'
}

/** A token that holds now. */
export type Verified = { readonly ok: true; readonly claims: AccessClaims; readonly kid: string }

/** Verifies tokens; see `createTokenVerifier`. */
export interface TokenVerifier {
  /** Verifies one token at the time `nowMs`. Every answer is a value: no token, of whatever type, makes it throw. */
  verify(token: string, nowMs: number): Promise<Verified | VerifyFailure>
}

/** A token whose signature and claims were right; only its times and its key can still end it. */
interface Remembered {
  readonly verified: Verified
  readonly key: VerificationKey
  readonly unverifiedNotBefore: unknown
}

/** What a verifier works with, for as long as it exists. */
interface Verifier {
  readonly options: TokenVerifierOptions
  readonly readHeader: ReturnType<typeof createHeaderReader>
  readonly memory: BoundedMap<string, Remembered> | undefined
  readonly noteMismatch: NoteMismatch
}

type Checked<Value> = Parsed<Value, VerifyFailure>

/**
 * Creates a verifier of access tokens (RFC 9068, under RFC 8725). Throws a TypeError on options that are missing or
 * make no sense.
 *
 * `token-expired` is only said of a token whose signature and every other claim are right: a forgery only ever learns
 * `token-invalid`.
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
    // Not async itself: a promise that waits for another costs as much as all of the parsing.
    verify(token, nowMs) {
      const known = memory?.get(token)
      if (known !== undefined && isStillUsed(options.keys, known.key, nowMs))
        return Promise.resolve(judgeTimes(known, options, nowMs))
      return verifyAfresh(token, verifier, nowMs)
    }
  }
}

/** Whether the key would be found as it was, without waiting for anything. */
function isStillUsed(keys: KeySource, key: VerificationKey, nowMs: number): boolean {
  try {
    const found = keys.find(key.kid, nowMs)
    if (found === key) return true
    // Where the answer takes time, the token is verified afresh, and asks again.
    if (found instanceof Promise) found.catch(() => {})
    return false
  } catch {
    return false
  }
}

// Over 40 lines: the steps of the whole, in order, each with its own refusal.
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
    // A key at hand is not awaited: on a hot path each promise shows.
    found = finding instanceof Promise ? await finding : finding
  } catch (error) {
    return keysUnavailable(error)
  }
  const key = checkKey(found, header.value)
  if (!key.ok) return key

  try {
    const checking = options.signature.verify(key.value, jws.value.signingInput, jws.value.signature)
    // Compared with true: a port that forgets to return must not let anything in.
    if ((typeof checking === 'boolean' ? checking : await checking) !== true) return invalid('the signature is wrong')
  } catch (error) {
    // A library that chokes on a signature has not confirmed it.
    return invalid(`the signature could not be checked: ${nameOf(error)}`)
  }

  const payload = parseJsonText(jws.value.unverifiedPayload)
  if (!payload.ok) return invalid(`the payload is refused: ${payload.reason}`)
  const claims = checkClaims(payload.value, options, nowMs, noteMismatch)
  if (!claims.ok) return claims

  const verified = { ok: true, claims: claims.value, kid: key.value.kid } as const
  const known = { verified, key: key.value, unverifiedNotBefore: member(payload.value, 'nbf') }
  const verdict = judgeTimes(known, options, nowMs)
  if (verdict.ok && memory !== undefined) {
    // Whoever is handed a remembered token is handed the same claims as everybody before.
    Object.freeze(Object.freeze(verified).claims)
    memory.set(token, known)
  }
  return verdict
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

/** Everything that does not change with time. Comparisons are written so that NaN, from whichever side, refuses. */
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
    return invalid('the "iss" is another issuer')
  }
  if (options.audience !== null && claims.aud !== options.audience) {
    noteMismatch('aud', options.audience, claims.aud, nowMs)
    return invalid('the "aud" is another audience')
  }
  const lifeSeconds = claims.exp - claims.iat
  if (!(lifeSeconds > 0 && lifeSeconds <= options.maxLifeSeconds)) {
    noteMismatch('life', `1 to ${options.maxLifeSeconds}`, lifeSeconds, nowMs)
    return invalid('the life is not an accepted one')
  }
  return { ok: true, value: claims }
}

function judgeTimes(
  { verified, unverifiedNotBefore }: Remembered,
  { clockSkewSeconds }: TokenVerifierOptions,
  nowMs: number
): Verified | VerifyFailure {
  const { iat, exp } = verified.claims
  const skewMs = clockSkewSeconds * 1000
  if (!(iat * 1000 <= nowMs + skewMs)) return invalid('the "iat" is in the future')
  if (unverifiedNotBefore !== undefined && !isReached(unverifiedNotBefore, nowMs + skewMs))
    return invalid('the "nbf" is not reached')

  // RFC 7519 §4.1.4: not accepted on or after `exp`. Last of all, so that only a genuine token learns that it expired.
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
