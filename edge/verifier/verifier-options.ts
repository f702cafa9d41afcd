/** The options of a verifier and their check. No option that decides over security has a default. */

import { type OptionNames, requireOptions } from '../contract/require-options.ts'
import type { KeySource } from './key-source.ts'
import type { Mismatch } from './mismatch.ts'
import type { SignaturePort } from './signature-port.ts'
import { parseAlgorithm, type TokenAlgorithm } from './token-algorithm.ts'

/** The options of a verifier. The required ones have no default, so that no check can be forgotten. */
export interface TokenVerifierOptions {
  /** The only accepted `iss`, compared exactly. */
  readonly issuer: string
  /** The only accepted `aud`, compared exactly; `null` explicitly accepts any. */
  readonly audience: string | null
  /** The only accepted algorithms. */
  readonly algorithms: readonly TokenAlgorithm[]
  readonly keys: KeySource
  readonly signature: SignaturePort
  /** The longest accepted life, `exp - iat`. */
  readonly maxLifeSeconds: number
  /** The accepted difference between the issuer's clock and this one. */
  readonly clockSkewSeconds: number
  /**
   * How many verified tokens are remembered, at about 2 KB each, so that each signature is verified once. The times of a
   * remembered token are still checked, and its key must still be the one that verified it. 0 by default.
   */
  readonly rememberedTokens?: number
  /**
   * Called, at most once a minute, for a genuine token that `issuer`, `audience` or `maxLifeSeconds` refuses: one of
   * them probably differs from the issuer's. A forged token never causes a call. Must not throw.
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
 * Throws a TypeError on options that are missing, unknown or invalid. TypeScript finds most of them, but not in
 * JavaScript or in a cast configuration.
 */
export function checkOptions(options: TokenVerifierOptions): void {
  requireOptions('create a token verifier', options, NAMES)
  const { issuer, audience, algorithms, keys, signature, maxLifeSeconds, clockSkewSeconds, rememberedTokens } = options
  const isName = (value: unknown) => typeof value === 'string' && value !== ''
  // `parseAlgorithm` also accepts the alias of an algorithm. An option has only its one name.
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
