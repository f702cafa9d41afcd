/** The access-token verifier: parse, key, signature, claims, times, in that order; quotas and revocation are the gateway's. */

import { type AccessClaims, parseAccessClaims } from '../contract/claims.ts'
import { parseCompactJws, type UnverifiedJws } from './compact-jws.ts'
import { type JsonMembers, parseJsonMembers } from './json-members.ts'
import { type KeySource, KeysUnavailableError } from './key-set.ts'
import { parseAlgorithm, type SignaturePort, type TokenAlgorithm, type VerificationKey } from './signature-port.ts'
import { parseTokenHeader, type TokenHeader } from './token-header.ts'

/** What a verifier is told. None of it has a default: a check that nobody chose is a check that nobody made. */
export interface TokenVerifierOptions {
  /** The only `iss` that is accepted, to the letter. */
  readonly issuer: string
  /** The only `aud` that is accepted, to the letter; `null` accepts any, and says so aloud. */
  readonly audience: string | null
  /** The only algorithms that are accepted. */
  readonly algorithms: readonly TokenAlgorithm[]
  readonly keys: KeySource
  readonly signature: SignaturePort
  /** The longest life, `exp - iat`, that a token may claim. */
  readonly maxLifeSeconds: number
  /** How far the issuer's clock may differ from this one. */
  readonly clockSkewSeconds: number
}

/** A refused token. The code is for the client; the reason is for the log, and may change. */
export type VerifyFailure = {
  readonly ok: false
  readonly code: 'token-invalid' | 'token-expired' | 'keys-unavailable'
  readonly reason: string
}

/** A token that holds now. */
export type Verified = { readonly ok: true; readonly claims: AccessClaims; readonly kid: string }

/** Verifies tokens; see `createTokenVerifier`. */
export interface TokenVerifier {
  /** Verifies one token at the time `nowMs`. Every answer is a value: no token, of whatever type, makes it throw. */
  verify(token: string, nowMs: number): Promise<Verified | VerifyFailure>
}

type Checked<Value> = { readonly ok: true; readonly value: Value } | VerifyFailure

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
 *   keys: createRemoteKeySet({ url, fetch, signature, algorithms: ['ES256'] }),
 *   signature,
 *   maxLifeSeconds: 900,
 *   clockSkewSeconds: 5
 * })
 * const result = await verify(token, Date.now())
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  requireOptions(options)
  return {
    async verify(token, nowMs) {
      const jws = parseCompactJws(token)
      if (!jws.ok) return invalid(jws.reason)

      const header = parseTokenHeader(jws.value.unverifiedHeader, options.algorithms)
      if (!header.ok) return invalid(header.reason)

      const key = await findKey(options.keys, header.value, nowMs)
      if (!key.ok) return key
      const unsigned = await refuteSignature(options.signature, key.value, jws.value)
      if (unsigned) return unsigned

      const payload = parseJsonMembers(jws.value.unverifiedPayload)
      if (!payload.ok) return invalid(`the payload is refused: ${payload.reason}`)
      const claims = checkClaims(payload.value, options, nowMs)
      return claims.ok ? { ok: true, claims: claims.value, kid: key.value.kid } : claims
    }
  }
}

async function findKey(keys: KeySource, header: TokenHeader, nowMs: number): Promise<Checked<VerificationKey>> {
  let key: VerificationKey | undefined
  try {
    key = await keys.find(header.kid, nowMs)
  } catch (error) {
    const why = error instanceof KeysUnavailableError ? error.message : `the key source failed: ${nameOf(error)}`
    return { ok: false, code: 'keys-unavailable', reason: why }
  }
  if (!key) return invalid('the "kid" is not known')
  // Security: the key decides the algorithm, never the token (RFC 8725 §3.1).
  if (key.kid !== header.kid || key.algorithm !== header.algorithm) return invalid('the "kid" is not for this "alg"')
  return { ok: true, value: key }
}

/** Undefined where the signature is good. */
async function refuteSignature(
  port: SignaturePort,
  key: VerificationKey,
  jws: UnverifiedJws
): Promise<VerifyFailure | undefined> {
  try {
    // Compared with true: a port that forgets to return must not let anything in.
    if ((await port.verify(key, jws.signingInput, jws.signature)) === true) return undefined
    return invalid('the signature is wrong')
  } catch (error) {
    // A library that chokes on a signature has not confirmed it.
    return invalid(`the signature could not be checked: ${nameOf(error)}`)
  }
}

/** Every comparison is written so that NaN, from whichever side, refuses. */
function checkClaims(payload: JsonMembers, options: TokenVerifierOptions, nowMs: number): Checked<AccessClaims> {
  const parsed = parseAccessClaims(payload)
  if (!parsed.ok) return invalid(parsed.reason)

  const claims = parsed.value
  if (claims.iss !== options.issuer) return invalid('the "iss" is another issuer')
  if (options.audience !== null && claims.aud !== options.audience) return invalid('the "aud" is another audience')

  const lifeSeconds = claims.exp - claims.iat
  if (!(lifeSeconds > 0 && lifeSeconds <= options.maxLifeSeconds)) return invalid('the life is not an accepted one')

  const skewMs = options.clockSkewSeconds * 1000
  if (!(claims.iat * 1000 <= nowMs + skewMs)) return invalid('the "iat" is in the future')
  if (Object.hasOwn(payload, 'nbf') && !isReached(payload.nbf, nowMs + skewMs))
    return invalid('the "nbf" is not reached')

  // RFC 7519 §4.1.4: not accepted on or after `exp`. Last of all, so that only a genuine token learns that it expired.
  if (!(nowMs < claims.exp * 1000 + skewMs)) return { ok: false, code: 'token-expired', reason: 'the token expired' }
  return { ok: true, value: claims }
}

function isReached(unverifiedSeconds: unknown, nowMs: number): boolean {
  return Number.isFinite(unverifiedSeconds) && Number(unverifiedSeconds) * 1000 <= nowMs
}

/** TypeScript says all of this already; JavaScript, and a configuration that was cast, do not. */
function requireOptions(options: TokenVerifierOptions): void {
  const { issuer, audience, algorithms, keys, signature, maxLifeSeconds, clockSkewSeconds } = options
  const isName = (value: unknown) => typeof value === 'string' && value !== ''
  // `parseAlgorithm` also knows the alias of an algorithm; an option has only its one name.
  const isAlgorithm = (value: TokenAlgorithm) => parseAlgorithm(value) === value

  demand(isName(issuer), 'issuer', 'a non-empty string')
  demand(audience === null || isName(audience), 'audience', 'a non-empty string, or null to accept any')
  demand(
    Array.isArray(algorithms) && algorithms.length > 0 && algorithms.every(isAlgorithm),
    'algorithms',
    'a non-empty array of "ES256" and "EdDSA"'
  )
  demand(typeof keys?.find === 'function', 'keys', 'a key source')
  demand(typeof signature?.verify === 'function', 'signature', 'a signature port')
  demand(Number.isSafeInteger(maxLifeSeconds) && maxLifeSeconds > 0, 'maxLifeSeconds', 'a positive whole number')
  demand(
    Number.isSafeInteger(clockSkewSeconds) && clockSkewSeconds >= 0,
    'clockSkewSeconds',
    'a whole number, zero or more'
  )
}

function demand(fulfilled: boolean, option: string, expected: string): void {
  if (!fulfilled) throw new TypeError(`Cannot create a token verifier: the option "${option}" must be ${expected}`)
}

function invalid(reason: string): VerifyFailure {
  return { ok: false, code: 'token-invalid', reason }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}
