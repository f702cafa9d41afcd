/** What a mailed link means to the login guard: the client that opened it has proven the mailbox of the account. */

import type { Client } from '../lib/client.ts'
import type { DeviceMarks } from '../lib/devices/device-mark.ts'
import type { LoginGuard } from './login-guard.ts'

export interface UnblockOwnerOptions {
  readonly guard: LoginGuard
  readonly deviceMarks: DeviceMarks
}

export interface ProvenMailbox {
  /** The canonical address that was proven. */
  readonly email: string
  /** The marks that the device presented. */
  readonly presentedMarks: readonly string[]
}

/**
 * Lifts the block of the account and marks the device, so that guesses of others do not keep its owner out.
 *
 * Security: nothing is given away. The mailbox alone sets a new password already.
 *
 * @returns the new mark of the device
 */
export async function unblockOwner(
  { guard, deviceMarks }: UnblockOwnerOptions,
  { email: account, presentedMarks }: ProvenMailbox,
  client: Client
): Promise<string> {
  await guard.clear({ email: account, clientAddress: client.address })
  return deviceMarks.add(presentedMarks, account)
}
