/** Parses public keys and key sets (RFC 7517, RFC 7518 §6.2, RFC 8037 §2); the signature port imports them. */

import { type Parsed, parseFailure } from '../contract/parsed.ts'
import { decodeBase64url } from './base64url.ts'
import { isJsonMembers, type JsonMembers, member } from './json-members.ts'
import { parseAlgorithm, type TokenAlgorithm } from './token-algorithm.ts'

/** A public key as published. */
export interface PublicJwk {
  readonly kid: string
  readonly kty: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly alg?: string
  readonly use?: string
  readonly key_ops?: readonly string[]
}

/** A key that can verify signatures, reduced to the members that this needs. */
export interface UsableKey {
  readonly kid: string
  readonly algorithm: TokenAlgorithm
  readonly jwk: PublicJwk
}

const COORDINATE_BYTES = 32

// RFC 7518 §6.2.2, §6.3.2 and §6.4.1, RFC 8037 §2, and AKP's `priv`.
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** Whether a JWK holds a private or a symmetric key, which must never be published. */
function isSecretJwk(jwk: JsonMembers): boolean {
  return member(jwk, 'kty') === 'oct' || SECRET_MEMBERS.some(name => Object.hasOwn(jwk, name))
}

/** Parses one public key: P-256 for `ES256` or Ed25519 for `EdDSA`, with an id, and meant for verifying. */
export function parsePublicJwk(unverified: unknown): Parsed<UsableKey> {
  if (!isJsonMembers(unverified)) return parseFailure('the key is not an object')
  if (isSecretJwk(unverified)) return parseFailure('the key is not a public one')

  const kid = member(unverified, 'kid')
  if (typeof kid !== 'string' || kid === '') return parseFailure('the key has no "kid"')
  if (!isMeantForVerifying(unverified)) return parseFailure(`the key "${kid}" is not meant for verifying signatures`)

  const curve = readCurve(unverified)
  if (!curve) return parseFailure(`the key "${kid}" is neither a P-256 nor an Ed25519 key`)

  const alg = member(unverified, 'alg')
  if (alg !== undefined && parseAlgorithm(alg) !== curve.algorithm) {
    return parseFailure(`the key "${kid}" is of another type than its "alg"`)
  }
  return { ok: true, value: { kid, algorithm: curve.algorithm, jwk: { kid, ...curve.members } } }
}

/**
 * Parses a key set for `algorithms`.
 *
 * Keys of an unknown type, for another use or for another algorithm are ignored (RFC 7517 §5). A set with a secret or a
 * duplicate id is refused as a whole: its publication was a mistake, and the keys already loaded are safer.
 */
export function parseJwkSet(
  unverified: JsonMembers,
  algorithms: readonly TokenAlgorithm[]
): Parsed<readonly UsableKey[]> {
  const entries = member(unverified, 'keys')
  if (!Array.isArray(entries) || !entries.every(isJsonMembers)) return parseFailure('the set has no array of "keys"')
  if (entries.some(isSecretJwk)) return parseFailure('the set holds a private or a symmetric key')

  const kids = entries.map(entry => member(entry, 'kid')).filter(kid => kid !== undefined)
  if (new Set(kids).size < kids.length) return parseFailure('the set has two keys with one "kid"')

  const usable: UsableKey[] = []
  for (const entry of entries) {
    const key = parsePublicJwk(entry)
    if (key.ok && algorithms.includes(key.value.algorithm)) usable.push(key.value)
  }
  return { ok: true, value: usable }
}

/** RFC 7517 §4.2 and §4.3: both members are optional, and binding where present. */
function isMeantForVerifying(jwk: JsonMembers): boolean {
  const use = member(jwk, 'use')
  const operations = member(jwk, 'key_ops')
  return (
    (use === undefined || use === 'sig') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('verify')))
  )
}

function readCurve(jwk: JsonMembers): { algorithm: TokenAlgorithm; members: Omit<PublicJwk, 'kid'> } | undefined {
  const x = readCoordinate(jwk, 'x')
  if (x === undefined) return undefined

  const type = `${String(member(jwk, 'kty'))} ${String(member(jwk, 'crv'))}`
  if (type === 'OKP Ed25519') return { algorithm: 'EdDSA', members: { kty: 'OKP', crv: 'Ed25519', x } }

  const y = readCoordinate(jwk, 'y')
  if (type !== 'EC P-256' || y === undefined) return undefined
  return { algorithm: 'ES256', members: { kty: 'EC', crv: 'P-256', x, y } }
}

function readCoordinate(jwk: JsonMembers, name: 'x' | 'y'): string | undefined {
  const text = member(jwk, name)
  return typeof text === 'string' && decodeBase64url(text)?.length === COORDINATE_BYTES ? text : undefined
}
