/** What the header of an access token must say, before any key is asked for; whether it was signed is not known here. */

import { type Parsed, parseFailure } from '../contract/parsed.ts'
import { decodeBase64url } from './base64url.ts'
import { type JsonMembers, member, parseJsonMembers } from './json-members.ts'
import { parseAlgorithm, type TokenAlgorithm } from './token-algorithm.ts'

/** How a token claims to be signed. */
export interface TokenHeader {
  readonly algorithm: TokenAlgorithm
  readonly kid: string
}

// Media types compare without case, and `application/` may be left out (RFC 7515 §4.1.9). Without the flag `u`, `i`
// folds no letter outside of ASCII onto these.
const ACCESS_TOKEN_TYP = /^(?:application\/)?at\+jwt$/i

// `crit` and `b64` change what a token means (RFC 7515 §4.1.11, RFC 7797). The others bring a key along: we would never
// look at it, and our issuer never sends one, so that a token that has one was made to deceive somebody.
const REFUSED_MEMBERS = ['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c']

/**
 * Creates a reader of the first part of access tokens: canonical base64url of a strict JSON object that claims one of
 * `algorithms`. Every token of a key has the same header, so that the last good one is remembered and mostly not read
 * again. What is remembered is what its text says, and no verdict on any token.
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

/** Members that mean nothing to us are ignored. */
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
