/** The options of the rules of accounts. */

import type { ReauthenticationOptions } from '../../guard/reauthenticate.ts'
import type { PasswordPolicy } from '../../lib/passwords/password-policy.ts'
import type { PublishEnds } from '../../lib/publish-ends.ts'

/** The ports and settings of the rules of accounts. */
export interface AccountsOptions extends ReauthenticationOptions {
  readonly passwordPolicy: PasswordPolicy
  readonly emailVerification: 'required' | 'optional'
  /** How long a mailed verification link is valid, in seconds. */
  readonly verificationTtl: number
  /** The version of the terms that a new user must accept; `undefined` if the service has no terms. */
  readonly termsVersion: string | undefined
  readonly publishEnds: PublishEnds
}
