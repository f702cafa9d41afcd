/** Which text that a person or a program has typed an email may carry, for every kind of email. */

import type { OutboxMail } from '../../db/queries/outbox.ts'
import type { User } from '../../db/queries/users.ts'
import { knownDeviceName } from '../lib/devices/device-name.ts'

/** The only way in which such text gets into a template. */
export interface TypedText {
  /** The name of the recipient's own account; hostile until escaped. */
  readonly name: string
  /** The device that the email is about, in words from lists. */
  readonly device: string
}

/**
 * Typed text for the recipient of a mail: only where the address is the verified address of an account, and then only
 * that account's own.
 *
 * Security: an attacker who enters other people's addresses, under a name that is an advertisement or a threat, would
 * otherwise have us mail it. What the mail itself says about a name does not count: another person may have caused it.
 *
 * @param recipient the account that has the address now
 */
export function typedTextFor(recipient: User | undefined, { parameters }: OutboxMail): TypedText | undefined {
  if (recipient === undefined || !recipient.emailVerified) return undefined
  return { name: recipient.name, device: knownDeviceName(parameters.device ?? '') }
}
