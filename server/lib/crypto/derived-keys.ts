/** Every secret key of the origin, derived from `ROOT_SECRETS` (HKDF-SHA-256, RFC 5869); one purpose each. */

import { createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

/** The purpose of a key. The text is part of the derivation: changing it changes the key. */
export type KeyPurpose =
  | 'password-pepper'
  | 'refresh-token'
  | 'sealed-box'
  | 'device-mark'
  | 'device-fingerprint'
  | 'guard-subjects'

/** A key for one purpose, derived from one root secret. */
export interface DerivedKey {
  /** Identifies the key without revealing anything about it. Stored values name the key that made them by it. */
  readonly id: string
  /** 32 bytes as a key object: with raw bytes, an HMAC or a cipher of Node takes five times as long. */
  readonly secret: KeyObject
}

/** The keys for each purpose, newest first: the first makes new values, all of them recognise existing ones. */
export type DerivedKeys = Readonly<Record<KeyPurpose, readonly [DerivedKey, ...DerivedKey[]]>>

/** Derives the keys of every purpose. @param rootSecrets newest first; at least one */
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
