/** The rules of passwords, each in a file of its own, joined over one set of options. HTTP is not known here. */

import type { Proof } from '../../guard/reauthenticate.ts'
import type { Client } from '../../lib/client.ts'
import { checkNewPassword } from '../../lib/http/checked-member.ts'
import type { Result } from '../../lib/result.ts'
import { change, type PasswordChange } from './change.ts'
import { forgot } from './forgot.ts'
import type { PasswordsOptions } from './options.ts'
import { type Reset, reset } from './reset.ts'

export interface PasswordsService {
  /** Checks a new password as far as that needs nobody looked up. */
  check(password: string): Result<string>
  /** @param email canonical */
  forgot(email: string, client: Client): Promise<void>
  /** @returns the new mark of the device */
  reset(reset: Reset, client: Client): Promise<Result<string>>
  change(change: PasswordChange, proof: Proof, client: Client): Promise<Result<undefined>>
}

export function createPasswordsService(options: PasswordsOptions): PasswordsService {
  return {
    check: password => checkNewPassword(options.passwordPolicy, password, undefined),
    forgot: (email, client) => forgot(options, email, client),
    reset: (wanted, client) => reset(options, wanted, client),
    change: (wanted, proof, client) => change(options, wanted, proof, client)
  }
}
