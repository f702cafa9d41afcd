/** Decides which user-supplied text an email may carry. One rule for every kind of email. */

import type { OutboxMail } from '../../db/queries/outbox.ts'
import type { User } from '../../db/queries/users.ts'
import { knownDeviceName } from '../lib/devices/device-name.ts'

/** User-supplied text for an email. Templates get such text only in this form. */
export interface TypedText {
  /** The name of the recipient's own account, not yet escaped. */
  readonly name: string
  /** The device that the email is about, in words from fixed lists. */
  readonly device: string
}

/**
 * Returns the user-supplied text for the recipient of an email.
 *
 * Security: only a verified account gets any, and only its own. Otherwise an attacker could register other email addresses
 * under a name that is an advertisement or a threat, and have us send it. The row of an email must not supply the name,
 * because another person may have caused the email.
 *
 * @param recipient the account that has the email address now
 * @returns `undefined` if the email must carry none
 */
export function typedTextFor(recipient: User | undefined, { parameters }: OutboxMail): TypedText | undefined {
  if (recipient === undefined || !recipient.emailVerified) return undefined
  return { name: recipient.name, device: knownDeviceName(parameters.device ?? '') }
}
