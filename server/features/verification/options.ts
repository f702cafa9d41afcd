/** What the rules of mail addresses need. */

import type { ReauthenticationOptions } from '../../guard/reauthenticate.ts'

export interface VerificationOptions extends ReauthenticationOptions {
  /** How long a mailed verification link is good, in seconds. */
  readonly verificationTtl: number
}
