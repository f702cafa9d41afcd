/** AES-256-GCM over bytes: nonce (12) · tag (16) · ciphertext. Callers choose the key and the label. */

import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Encrypts under a 32-byte key. Decrypting needs the same `label` (additional authenticated data). */
export function encrypt(key: KeyObject, plain: Uint8Array, label: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(label))
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext])
}

/** Decrypts. @throws {Error} where the key or the label differs, or a byte was altered */
export function decrypt(key: KeyObject, sealed: Uint8Array, label: string): Buffer {
  const bytes = Buffer.from(sealed)
  const tagEnd = NONCE_BYTES + TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(label)).setAuthTag(bytes.subarray(NONCE_BYTES, tagEnd))
  return Buffer.concat([decipher.update(bytes.subarray(tagEnd)), decipher.final()])
}
