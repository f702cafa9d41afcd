/** Unblocks an account for its owner, after a client has opened a link that was mailed to the account's email address. */

import type { Client } from '../lib/client.ts'
import type { DeviceMarks } from '../lib/devices/device-mark.ts'
import type { LoginGuard } from './login-guard.ts'

/** The ports of lifting a block. */
export interface UnblockOwnerOptions {
  readonly guard: LoginGuard
  readonly deviceMarks: DeviceMarks
}

/** The mailbox that the client has proven to read, and the device on which it did. */
export interface ProvenMailbox {
  /** The canonical email address. */
  readonly email: string
  /** The marks that the device presented. */
  readonly presentedMarks: readonly string[]
}

/**
 * Ends the block of the account and marks the device as known, so that an attacker's guesses do not keep the owner out.
 *
 * Security: this grants nothing new. A client that reads the mailbox can set a new password already.
 *
 * @returns the new mark of the device
 */
export async function unblockOwner(
  { guard, deviceMarks }: UnblockOwnerOptions,
  { email, presentedMarks }: ProvenMailbox,
  client: Client
): Promise<string> {
  await guard.clear({ email, clientAddress: client.address })
  return deviceMarks.add(presentedMarks, email)
}
