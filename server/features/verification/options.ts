/** The options of the rules of email addresses. */

import type { ReauthenticationOptions } from '../../guard/reauthenticate.ts'

/** Includes reauthentication, which a change of the address needs. */
export interface VerificationOptions extends ReauthenticationOptions {
  /** How long a mailed verification link is valid, in seconds. */
  readonly verificationTtl: number
}
