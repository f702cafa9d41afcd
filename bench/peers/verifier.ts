/** The interface of every measured verifier: a function that takes a token and fails if it is invalid. */

import type { TokenMaterial } from '../lib/tokens.ts'

/** Returns or resolves to a truthy value for a valid token. Throws, rejects or returns a falsy value otherwise. */
export type Verify = (token: string) => unknown

/** Creates a verifier, before the measurement. */
export type CreateVerifier = (material: TokenMaterial) => Verify | Promise<Verify>
