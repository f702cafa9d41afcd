/** What a verifier is told, and the check that it was told: nothing that decides over security has a default. */

import { type OptionNames, requireOptions } from '../contract/require-options.ts'
import type { KeySource } from './key-source.ts'
import type { Mismatch } from './mismatch.ts'
import type { SignaturePort } from './signature-port.ts'
import { parseAlgorithm, type TokenAlgorithm } from './token-algorithm.ts'

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
  /**
   * How many verified tokens are remembered, so that their signatures are checked once; about 2 KB each. A remembered
   * token still has to be within its times, and its key still the one that it was verified with. None unless told so.
   */
  readonly rememberedTokens?: number
  /**
   * Told, once a minute at most, of a genuine token that `issuer`, `audience` or `maxLifeSeconds` refuses: one of them
   * probably differs from the issuer's. A forged token never leads to a call. Must not throw.
   */
  readonly onMismatch?: (mismatch: Mismatch) => void
}

const NAMES: OptionNames<TokenVerifierOptions> = {
  issuer: 'required',
  audience: 'required',
  algorithms: 'required',
  keys: 'required',
  signature: 'required',
  maxLifeSeconds: 'required',
  clockSkewSeconds: 'required',
  rememberedTokens: 'optional',
  onMismatch: 'optional'
}

/**
 * Throws a TypeError on options that are missing, unknown or invalid. TypeScript says all of this already; JavaScript, and a
 * configuration that was cast, do not.
 */
export function checkOptions(options: TokenVerifierOptions): void {
  requireOptions('create a token verifier', options, NAMES)
  const { issuer, audience, algorithms, keys, signature, maxLifeSeconds, clockSkewSeconds, rememberedTokens } = options
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
  demand(
    rememberedTokens === undefined || (Number.isSafeInteger(rememberedTokens) && rememberedTokens >= 0),
    'rememberedTokens',
    'a whole number, zero or more'
  )
  demand(isFunctionOrMissing(options.onMismatch), 'onMismatch', 'a function')
}

function isFunctionOrMissing(value: unknown): boolean {
  return value === undefined || typeof value === 'function'
}

function demand(fulfilled: boolean, option: string, expected: string): void {
  if (!fulfilled) throw new TypeError(`Cannot create a token verifier: the option "${option}" must be ${expected}`)
}
