/** The options of the rules of email addresses. */

import type { ReauthenticationOptions } from '../../guard/reauthenticate.ts'

export interface VerificationOptions extends ReauthenticationOptions {
  /** How long a mailed verification link is valid, in seconds. */
  readonly verificationTtl: number
}
