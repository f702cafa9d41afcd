/** Checks the header of an access token before a key is looked up; its signature is not verified yet. */

import { type Parsed, parseFailure } from '../contract/parsed.ts'
import { decodeBase64url } from './base64url.ts'
import { type JsonMembers, member, parseJsonMembers } from './json-members.ts'
import { parseAlgorithm, type TokenAlgorithm } from './token-algorithm.ts'

/** The algorithm and key that a token claims. */
export interface TokenHeader {
  readonly algorithm: TokenAlgorithm
  readonly kid: string
}

// Media types compare without case, and `application/` is optional (RFC 7515 §4.1.9). Without the flag `u`, the flag
// `i` maps no letter outside of ASCII to these.
const ACCESS_TOKEN_TYP = /^(?:application\/)?at\+jwt$/i

// `crit` and `b64` change the meaning of a token (RFC 7515 §4.1.11, RFC 7797). The others carry a key, which this
// verifier never uses. Our issuer never sends one, so such a token is an attack.
const REFUSED_MEMBERS = ['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c']

/**
 * Creates a parser of the first part of access tokens: canonical base64url of a strict JSON object with one of
 * `algorithms`.
 *
 * All tokens of a key share one header, so the last valid header is remembered. Only the meaning of its text is
 * remembered, never a decision about a token.
 */
export function createHeaderReader(algorithms: readonly TokenAlgorithm[]): (part: string) => Parsed<TokenHeader> {
  let last: { readonly part: string; readonly header: Parsed<TokenHeader> } | undefined
  return part => {
    if (last !== undefined && part === last.part) return last.header
    const header = readHeader(part, algorithms)
    if (header.ok) last = { part, header }
    return header
  }
}

function readHeader(part: string, algorithms: readonly TokenAlgorithm[]): Parsed<TokenHeader> {
  const bytes = decodeBase64url(part)
  if (!bytes) return parseFailure('the header is refused: not canonical base64url')
  const members = parseJsonMembers(bytes)
  return members.ok ? checkHeader(members.value, algorithms) : parseFailure(`the header is refused: ${members.reason}`)
}

/** Unknown members are ignored. */
function checkHeader(unverifiedHeader: JsonMembers, algorithms: readonly TokenAlgorithm[]): Parsed<TokenHeader> {
  const refused = REFUSED_MEMBERS.find(name => Object.hasOwn(unverifiedHeader, name))
  if (refused !== undefined) return parseFailure(`the header member "${refused}" is not accepted`)

  const typ = member(unverifiedHeader, 'typ')
  if (typeof typ !== 'string' || !ACCESS_TOKEN_TYP.test(typ))
    return parseFailure('the "typ" is not that of an access token')

  const algorithm = parseAlgorithm(member(unverifiedHeader, 'alg'))
  if (!algorithm || !algorithms.includes(algorithm)) return parseFailure('the "alg" is not one of those accepted')

  const kid = member(unverifiedHeader, 'kid')
  if (typeof kid !== 'string' || kid === '') return parseFailure('the "kid" is not a non-empty string')
  return { ok: true, value: { algorithm, kid } }
}
