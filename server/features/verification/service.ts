/** The rules of mail addresses, each in a file of its own, joined over one set of options. HTTP is not known here. */

import type { Proof } from '../../guard/reauthenticate.ts'
import type { Client } from '../../lib/client.ts'
import type { Result } from '../../lib/result.ts'
import { changeEmail } from './change-email.ts'
import type { VerificationOptions } from './options.ts'
import { resend } from './resend.ts'
import { type OpenedLink, verifyEmail } from './verify-email.ts'

export interface VerificationService {
  /** @param deviceMark the mark that the device presented */
  verifyEmail(token: string, deviceMark: string | undefined, client: Client): Promise<Result<OpenedLink>>
  /** @param email canonical */
  resend(email: string, client: Client): Promise<void>
  /** @param email canonical */
  changeEmail(userId: string, email: string, proof: Proof, client: Client): Promise<Result<undefined>>
}

export function createVerificationService(options: VerificationOptions): VerificationService {
  return {
    verifyEmail: (token, deviceMark, client) => verifyEmail(options, token, deviceMark, client),
    resend: (email, client) => resend(options, email, client),
    changeEmail: (userId, email, proof, client) => changeEmail(options, userId, email, proof, client)
  }
}
