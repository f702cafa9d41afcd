/** What every verifier under measurement offers: one function that takes a token and fails unless it holds. */

import type { TokenMaterial } from '../lib/tokens.ts'

/** Returns (or resolves to) something truthy where the token holds; throws, rejects or is falsy otherwise. */
export type Verify = (token: string) => unknown

/** Sets a verifier up once, before anything is measured. */
export type CreateVerifier = (material: TokenMaterial) => Verify | Promise<Verify>
