/** The rules of passwords, each in a file of its own, joined over one set of options. HTTP is not known here. */

import { createChangePassword } from './change-password.ts'
import { createForgotPassword } from './forgot-password.ts'
import type { PasswordsOptions } from './options.ts'
import { createCheckPassword, createResetPassword } from './reset-password.ts'

export type PasswordsService = ReturnType<typeof createPasswordsService>

export function createPasswordsService(options: PasswordsOptions) {
  return {
    check: createCheckPassword(options),
    forgot: createForgotPassword(options),
    reset: createResetPassword(options),
    change: createChangePassword(options)
  }
}
