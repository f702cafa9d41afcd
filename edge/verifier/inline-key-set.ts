/** Keys that the caller gives to the verifier: never fetched, and never renewed. */

import { requireOptions } from '../contract/require-options.ts'
import type { RevocableKeySource } from './key-source.ts'
import { type PublicJwk, parsePublicJwk, type UsableKey } from './public-jwk.ts'
import type { SignaturePort, VerificationKey } from './signature-port.ts'

/** Public keys, and the port that imports them. */
export interface InlineKeySetOptions {
  readonly keys: readonly PublicJwk[]
  readonly signature: SignaturePort
}

/**
 * Creates a key source from given keys, without the network. Throws a TypeError on an unusable key, a duplicate id or an
 * empty list.
 *
 * @example
 * const keys = createInlineKeySet({ keys: [jwk], signature: createWebCryptoSignaturePort() })
 * const found = await keys.find(jwk.kid, Date.now())
 * found?.algorithm // → 'ES256'
 * keys.remove(jwk.kid)
 * await keys.find(jwk.kid, Date.now()) // → undefined
 */
export function createInlineKeySet(options: InlineKeySetOptions): RevocableKeySource {
  requireOptions('create a key set', options, { keys: 'required', signature: 'required' })
  const { keys, signature } = options
  const usable = new Map<string, UsableKey>()
  for (const jwk of keys) {
    const parsed = parsePublicJwk(jwk)
    if (!parsed.ok) throw new TypeError(`Cannot create a key set: ${parsed.reason}`)
    if (usable.has(parsed.value.kid))
      throw new TypeError(`Cannot create a key set: two keys have the id "${parsed.value.kid}"`)
    usable.set(parsed.value.kid, parsed.value)
  }
  if (usable.size === 0) throw new TypeError('Cannot create a key set: give it at least one key')

  // Imported at first use: Workers allow no asynchronous work before the first request.
  const imported = new Map<string, VerificationKey>()
  async function importKey({ kid, jwk }: UsableKey): Promise<VerificationKey | undefined> {
    const key = await signature.importKey(jwk)
    if (!usable.has(kid)) return undefined
    imported.set(kid, key)
    return key
  }
  return {
    find: kid => {
      const missing = imported.has(kid) ? undefined : usable.get(kid)
      return missing ? importKey(missing) : imported.get(kid)
    },
    remove(kid) {
      usable.delete(kid)
      imported.delete(kid)
    }
  }
}
