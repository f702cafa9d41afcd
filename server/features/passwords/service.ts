/** Lists the rules of passwords, each with its own file, over one set of options. The rules know no HTTP. */

import { createChangePassword } from './change-password.ts'
import { createForgotPassword } from './forgot-password.ts'
import type { PasswordsOptions } from './options.ts'
import { createCheckPassword, createResetPassword } from './reset-password.ts'

/** The rules of passwords. */
export type PasswordsService = ReturnType<typeof createPasswordsService>

/** Creates the rules of passwords. */
export function createPasswordsService(options: PasswordsOptions) {
  return {
    check: createCheckPassword(options),
    forgot: createForgotPassword(options),
    reset: createResetPassword(options),
    change: createChangePassword(options)
  }
}
