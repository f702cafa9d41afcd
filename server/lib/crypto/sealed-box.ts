/** Encrypts what must be readable again later, bound to what it is, under the newest root secret. */

import { decrypt, encrypt } from './aes-gcm.ts'
import type { DerivedKeys } from './derived-keys.ts'

/** A sealed value begins with the id of its key, in this many bytes. */
const ID_BYTES = 4

export interface SealedBox {
  /** Eight hexadecimal digits: what a value begins with that was sealed under the newest root secret. */
  readonly newestKeyId: string
  /** @param label says what the bytes are and of what; a box opened under another label does not open */
  seal(plain: Uint8Array, label: string): Buffer
  /** @throws {Error} where the box was altered, is another thing's, or was sealed under a secret that is gone */
  unseal(sealed: Uint8Array, label: string): Buffer
}

export function createSealedBox(keys: DerivedKeys): SealedBox {
  const [newest] = keys['sealed-box']
  return {
    newestKeyId: newest.id,
    seal: (plain, label) => Buffer.concat([Buffer.from(newest.id, 'hex'), encrypt(newest.secret, plain, label)]),
    unseal(sealed, label) {
      const id = Buffer.from(sealed.subarray(0, ID_BYTES)).toString('hex')
      const key = keys['sealed-box'].find(one => one.id === id)
      if (key === undefined) {
        throw new Error(`a sealed value needs the root secret of key "${id}", which is not in ROOT_SECRETS`)
      }
      return decrypt(key.secret, sealed.subarray(ID_BYTES), label)
    }
  }
}
