/** The interface between a verifier and its keys, and the error where no key was ever loaded. */

import type { VerificationKey } from './signature-port.ts'

/** Finds the keys of a verifier. */
export interface KeySource {
  /** The key with this id, or undefined. Throws or rejects with `KeysUnavailableError` if no key was ever loaded. */
  find(kid: string, nowMs: number): VerificationKey | undefined | Promise<VerificationKey | undefined>
}

/** A key source from which a key can be removed, at once and for good. */
export interface RevocableKeySource extends KeySource {
  /** Security: for an emergency. The key is never found again, even if a cache still serves it. */
  remove(kid: string): void
}

/** No key was ever loaded, so no token can be verified. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError'
}
