/** Encrypts what must be readable again later (AES-256-GCM), bound to what it is. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { DerivedKeys } from './derived-keys.ts'

/** Layout: key id (4) · nonce (12) · tag (16) · ciphertext. */
const ID_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16

export interface SealedBox {
  /** @param label says what the bytes are and of what; a box opened under another label does not open */
  seal(plain: Uint8Array, label: string): Buffer
  /** @throws {Error} where the box was altered, is another thing's, or was sealed under a secret that is gone */
  open(sealed: Uint8Array, label: string): Buffer
}

export function createSealedBox(keys: DerivedKeys): SealedBox {
  const [newest] = keys['sealed-box']
  return {
    seal(plain, label) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', newest.bytes, nonce).setAAD(Buffer.from(label))
      const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
      return Buffer.concat([Buffer.from(newest.id, 'hex'), nonce, cipher.getAuthTag(), ciphertext])
    },
    open(sealed, label) {
      const box = Buffer.from(sealed)
      const id = box.subarray(0, ID_BYTES).toString('hex')
      const key = keys['sealed-box'].find(one => one.id === id)
      if (key === undefined)
        throw new Error(`a sealed value needs the root secret of key "${id}", which is not in ROOT_SECRETS`)
      const nonceEnd = ID_BYTES + NONCE_BYTES
      const tagEnd = nonceEnd + TAG_BYTES
      const decipher = createDecipheriv('aes-256-gcm', key.bytes, box.subarray(ID_BYTES, nonceEnd), {
        authTagLength: TAG_BYTES
      })
      decipher.setAAD(Buffer.from(label)).setAuthTag(box.subarray(nonceEnd, tagEnd))
      return Buffer.concat([decipher.update(box.subarray(tagEnd)), decipher.final()])
    }
  }
}
