/** Recognises a device by its name and its network, without storing either. */

import { createHmac } from 'node:crypto'
import { addressNetwork } from '../../../edge/contract/client-address.ts'
import type { Client } from '../client.ts'
import type { DerivedKeys } from '../crypto/derived-keys.ts'
import { deviceName } from './device-name.ts'

/** 16 bytes; the same for the same device name and network, as long as the newest root secret stays. */
export type DeviceFingerprint = (client: Pick<Client, 'address' | 'userAgent'>) => Buffer

export function createDeviceFingerprint(keys: DerivedKeys): DeviceFingerprint {
  const [newest] = keys['device-fingerprint']
  return ({ address, userAgent }) =>
    createHmac('sha256', newest.secret)
      .update(`${deviceName(userAgent)}\n${addressNetwork(address)}`)
      .digest()
      .subarray(0, 16)
}
