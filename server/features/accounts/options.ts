/** What the rules of accounts need. */

import type { ReauthenticationOptions } from '../../guard/reauthenticate.ts'
import type { PasswordPolicy } from '../../lib/passwords/password-policy.ts'
import type { PublishEnds } from '../../lib/publish-ends.ts'

export interface AccountsOptions extends ReauthenticationOptions {
  readonly passwordPolicy: PasswordPolicy
  readonly emailVerification: 'required' | 'optional'
  /** How long a mailed verification link is good, in seconds. */
  readonly verificationTtl: number
  /** The version of the terms that has to be accepted; `undefined`: there are none. */
  readonly termsVersion: string | undefined
  readonly publishEnds: PublishEnds
}
