/** Where a verifier finds its keys, and what it is told when there are none. */

import type { VerificationKey } from './signature-port.ts'

/** Where a verifier finds its keys. */
export interface KeySource {
  /** The key with this id, or undefined. Throws or rejects with a `KeysUnavailableError` when no key was ever loaded. */
  find(kid: string, nowMs: number): VerificationKey | undefined | Promise<VerificationKey | undefined>
}

/** Keys of which one can be taken away, at once and for good. */
export interface RevocableKeySource extends KeySource {
  /** Security: an emergency. The key is not found again, whatever a cache between here and the issuer still says. */
  remove(kid: string): void
}

/** No key was ever loaded: nothing can be said of any token. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError'
}
