/** The rules of email addresses over one set of options. Each rule has a file of its own; none of them knows HTTP. */

import { createCancelEmailChange } from './cancel-email-change.ts'
import { createChangeEmail } from './change-email.ts'
import type { VerificationOptions } from './options.ts'
import { createResendVerification } from './resend-verification.ts'
import { createVerifyEmail } from './verify-email.ts'

/** Every rule of email addresses. */
export type VerificationService = ReturnType<typeof createVerificationService>

/** Creates every rule over the same options. */
export function createVerificationService(options: VerificationOptions) {
  return {
    verifyEmail: createVerifyEmail(options),
    resend: createResendVerification(options),
    changeEmail: createChangeEmail(options),
    cancelEmailChange: createCancelEmailChange(options)
  }
}
