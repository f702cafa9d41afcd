/** Encrypts values that must be readable later, each bound to a label, under the newest root secret. */

import { decrypt, encrypt } from './aes-gcm.ts'
import type { DerivedKeys } from './derived-keys.ts'

/** A sealed value begins with the id of its key, in this many bytes. */
const ID_BYTES = 4

/** Seals and unseals values. */
export interface SealedBox {
  /** Eight hexadecimal digits, with which every value begins that was sealed under the newest root secret. */
  readonly newestKeyId: string
  /** @param label names the bytes and their owner; unsealing needs the same label */
  seal(plain: Uint8Array, label: string): Buffer
  /** @throws {Error} where the value was altered, has another label, or was sealed under a root secret that is gone */
  unseal(sealed: Uint8Array, label: string): Buffer
}

/** Creates a box over the keys of every root secret. */
export function createSealedBox(keys: DerivedKeys): SealedBox {
  const [newest] = keys['sealed-box']
  return {
    newestKeyId: newest.id,
    seal: (plain, label) => Buffer.concat([Buffer.from(newest.id, 'hex'), encrypt(newest.secret, plain, label)]),
    unseal(sealed, label) {
      const id = Buffer.from(sealed.subarray(0, ID_BYTES)).toString('hex')
      const key = keys['sealed-box'].find(one => one.id === id)
      if (key === undefined) {
        throw new Error(`cannot unseal a value of key "${id}": its root secret is not in ROOT_SECRETS; add it again`)
      }
      return decrypt(key.secret, sealed.subarray(ID_BYTES), label)
    }
  }
}
