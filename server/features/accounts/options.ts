/** What the rules of accounts need. */

import type { ReauthenticationOptions } from '../../guard/reauthenticate.ts'
import type { PasswordPolicy } from '../../lib/passwords/password-policy.ts'

export interface AccountsOptions extends ReauthenticationOptions {
  readonly passwordPolicy: PasswordPolicy
  readonly emailVerification: 'required' | 'optional'
  /** How long a mailed verification link is good, in seconds. */
  readonly verificationTtl: number
  /** The version of the terms that has to be accepted; `undefined`: there are none. */
  readonly termsVersion: string | undefined
  /** Tells the edges that sessions have ended. Resolves to false where they could not be told; it is retried then. */
  readonly announceEnds: (sids: readonly string[]) => Promise<boolean>
}
