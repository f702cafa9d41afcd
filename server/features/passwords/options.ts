/** The options of the rules of passwords. */

import type { ReauthenticationOptions } from '../../guard/reauthenticate.ts'
import type { PasswordPolicy } from '../../lib/passwords/password-policy.ts'
import type { PublishEnds } from '../../lib/publish-ends.ts'

/** The ports and settings of the rules of passwords. */
export interface PasswordsOptions extends ReauthenticationOptions {
  readonly passwordPolicy: PasswordPolicy
  /** How long a mailed link that sets a new password is valid, in seconds. */
  readonly resetTtl: number
  readonly publishEnds: PublishEnds
}
