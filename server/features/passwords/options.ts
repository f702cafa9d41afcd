/** What the rules of passwords need. */

import type { ReauthenticationOptions } from '../../guard/reauthenticate.ts'
import type { PasswordPolicy } from '../../lib/passwords/password-policy.ts'

export interface PasswordsOptions extends ReauthenticationOptions {
  readonly passwordPolicy: PasswordPolicy
  /** How long a mailed link that sets a new password is good, in seconds. */
  readonly resetTtl: number
  /** Tells the edges that sessions have ended. Resolves to false where they could not be told; it is retried then. */
  readonly announceEnds: (sids: readonly string[]) => Promise<boolean>
}
