/** Recognises a device by its name and its network, without storing either. */

import { createHmac } from 'node:crypto'
import { addressNetwork } from '../../../edge/contract/client-address.ts'
import type { Client } from '../client.ts'
import type { DerivedKeys } from '../crypto/derived-keys.ts'
import { deviceName } from './device-name.ts'

/** 16 bytes, the same for one device name and network until the newest root secret changes. */
export type DeviceFingerprint = (client: Pick<Client, 'address' | 'userAgent'>) => Buffer

/** Creates fingerprints under the newest key. */
export function createDeviceFingerprint(keys: DerivedKeys): DeviceFingerprint {
  const [newest] = keys['device-fingerprint']
  return ({ address, userAgent }) =>
    createHmac('sha256', newest.secret)
      .update(`${deviceName(userAgent)}\n${addressNetwork(address)}`)
      .digest()
      .subarray(0, 16)
}
