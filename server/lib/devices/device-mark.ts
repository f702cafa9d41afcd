/** The signed mark of a device that signed in to certain accounts: the login guard does not lock such a device out. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { DerivedKey, DerivedKeys } from '../crypto/derived-keys.ts'

/** The length of a fingerprint, which identifies an account without revealing it. */
const FINGERPRINT_BYTES = 12
const MAC_BYTES = 16
/** Accounts that one device remembers, newest first. */
const MAX_ACCOUNTS = 5

/** One year, in seconds. */
export const DEVICE_MARK_TTL = 31_536_000

/** Makes and verifies device marks. */
export interface DeviceMarks {
  /** Whether the mark says that its device has signed in to the account of `email` (canonical) before. */
  knows(mark: string | undefined, email: string): boolean
  /** A mark that knows the account of `email`, and those that `marks` know. */
  add(marks: readonly string[], email: string): string
}

/** Creates device marks under the newest key. Marks of older keys are recognised. */
export function createDeviceMarks(keys: DerivedKeys): DeviceMarks {
  const [newest] = keys['device-mark']

  function parse(mark: string | undefined): { key: DerivedKey; fingerprints: Buffer[] } | undefined {
    if (mark === undefined || !/^[A-Za-z0-9_-]{38,102}$/.test(mark)) return undefined
    const bytes = Buffer.from(mark, 'base64url')
    const body = bytes.subarray(0, -MAC_BYTES)
    if (body.length % FINGERPRINT_BYTES !== 0) return undefined
    const key = keys['device-mark'].find(one => timingSafeEqual(macOf(one, body), bytes.subarray(-MAC_BYTES)))
    return key && { key, fingerprints: chunks(body) }
  }

  return {
    knows(mark, email) {
      const parsed = parse(mark)
      if (parsed === undefined) return false
      const wanted = fingerprint(parsed.key, email)
      return parsed.fingerprints.some(one => one.equals(wanted))
    },
    add(marks, email) {
      // Fingerprints of an older secret are meaningless under the newest one.
      const known = marks.map(parse).flatMap(parsed => (parsed?.key === newest ? parsed.fingerprints : []))
      const added = fingerprint(newest, email)
      const body = Buffer.concat([added, ...known.filter(one => !one.equals(added))].slice(0, MAX_ACCOUNTS))
      return Buffer.concat([body, macOf(newest, body)]).toString('base64url')
    }
  }
}

function fingerprint(key: DerivedKey, email: string): Buffer {
  return createHmac('sha256', key.secret).update('account:').update(email).digest().subarray(0, FINGERPRINT_BYTES)
}

function macOf(key: DerivedKey, body: Buffer): Buffer {
  return createHmac('sha256', key.secret).update('mark:').update(body).digest().subarray(0, MAC_BYTES)
}

function chunks(body: Buffer): Buffer[] {
  return Array.from({ length: body.length / FINGERPRINT_BYTES }, (_, i) =>
    body.subarray(i * FINGERPRINT_BYTES, (i + 1) * FINGERPRINT_BYTES)
  )
}
