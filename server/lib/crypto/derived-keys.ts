/** Every secret key of the origin, derived from `ROOT_SECRETS` (HKDF-SHA-256, RFC 5869); one purpose each. */

import { createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

/** What a key is for. The text goes into the derivation: changing it changes the key. */
export type KeyPurpose =
  | 'password-pepper'
  | 'refresh-token'
  | 'sealed-box'
  | 'device-mark'
  | 'device-fingerprint'
  | 'guard-subjects'

export interface DerivedKey {
  /** Names the key without telling anything about it, so that stored values can say which one made them. */
  readonly id: string
  /** 32 bytes, made into a key once: Node takes five times as long over an HMAC or a cipher that is given raw bytes. */
  readonly secret: KeyObject
}

/** The keys for each purpose, newest first: the first makes new values, all of them recognise old ones. */
export type DerivedKeys = Readonly<Record<KeyPurpose, readonly [DerivedKey, ...DerivedKey[]]>>

/** @param rootSecrets newest first; at least one */
export function deriveKeys(rootSecrets: readonly [string, ...string[]]): DerivedKeys {
  const derive = (purpose: KeyPurpose) =>
    rootSecrets.map(secret => deriveKey(secret, purpose)) as [DerivedKey, ...DerivedKey[]]
  return {
    'password-pepper': derive('password-pepper'),
    'refresh-token': derive('refresh-token'),
    'sealed-box': derive('sealed-box'),
    'device-mark': derive('device-mark'),
    'device-fingerprint': derive('device-fingerprint'),
    'guard-subjects': derive('guard-subjects')
  }
}

function deriveKey(rootSecret: string, purpose: KeyPurpose): DerivedKey {
  const bytes = Buffer.from(hkdfSync('sha256', rootSecret, 'gatehouse', purpose, 32))
  const id = createHash('sha256').update('id').update(bytes).digest('hex').slice(0, 8)
  return { id, secret: createSecretKey(bytes) }
}
