/** The rules of mail addresses, each in a file of its own, joined over one set of options. HTTP is not known here. */

import type { Proof } from '../../guard/reauthenticate.ts'
import type { Client } from '../../lib/client.ts'
import type { Result } from '../../lib/result.ts'
import { cancelEmailChange } from './cancel-email-change.ts'
import { changeEmail, type EmailChange } from './change-email.ts'
import type { VerificationOptions } from './options.ts'
import { resend } from './resend.ts'
import { type OpenedLink, verifyEmail } from './verify-email.ts'

export interface VerificationService {
  /** @param presentedMarks the marks that the device presented */
  verifyEmail(token: string, presentedMarks: readonly string[], client: Client): Promise<Result<OpenedLink>>
  /** @param email canonical */
  resend(email: string, client: Client): Promise<void>
  changeEmail(change: EmailChange, proof: Proof, client: Client): Promise<Result<undefined>>
  cancelEmailChange(token: string, client: Client): Promise<Result<undefined>>
}

export function createVerificationService(options: VerificationOptions): VerificationService {
  return {
    verifyEmail: (token, presentedMarks, client) => verifyEmail(options, token, presentedMarks, client),
    resend: (email, client) => resend(options, email, client),
    changeEmail: (change, proof, client) => changeEmail(options, change, proof, client),
    cancelEmailChange: (token, client) => cancelEmailChange(options, token, client)
  }
}
