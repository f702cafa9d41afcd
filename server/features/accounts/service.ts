/** The rules of accounts, each in a file of its own, joined over one set of options. HTTP is not known here. */

import type { User } from '../../../db/queries/users.ts'
import type { Proof } from '../../guard/reauthenticate.ts'
import type { Client } from '../../lib/client.ts'
import type { Result } from '../../lib/result.ts'
import { deleteAccount } from './delete.ts'
import { exportData } from './export.ts'
import type { AccountsOptions } from './options.ts'
import { read, rename } from './profile.ts'
import { checkRegistration, type Registered, type Registration, register } from './register.ts'
import type { PersonalData } from './schemas.ts'

export interface AccountsService {
  /** Checks a registration against every policy, without work and without looking anything up. */
  check(registration: Registration): Result<Registration>
  register(registration: Registration, client: Client): Promise<Result<Registered>>
  read(userId: string): Promise<Result<User>>
  rename(userId: string, name: string, client: Client): Promise<Result<User>>
  export(userId: string, client: Client): Promise<Result<PersonalData>>
  delete(userId: string, proof: Proof, client: Client): Promise<Result<undefined>>
}

export function createAccountsService(options: AccountsOptions): AccountsService {
  return {
    check: registration => checkRegistration(options, registration),
    register: (registration, client) => register(options, registration, client),
    read: userId => read(options, userId),
    rename: (userId, name, client) => rename(options, userId, name, client),
    export: (userId, client) => exportData(options, userId, client),
    delete: (userId, proof, client) => deleteAccount(options, userId, proof, client)
  }
}
