/** The rules of accounts, each in a file of its own, joined over one set of options. HTTP is not known here. */

import { createDeleteAccount } from './delete-account.ts'
import { createExportData } from './export-data.ts'
import type { AccountsOptions } from './options.ts'
import { createReadProfile, createRename } from './profile.ts'
import { createCheckRegistration, createRegister } from './register.ts'

export type AccountsService = ReturnType<typeof createAccountsService>

export function createAccountsService(options: AccountsOptions) {
  return {
    check: createCheckRegistration(options),
    register: createRegister(options),
    read: createReadProfile(options),
    rename: createRename(options),
    export: createExportData(options),
    delete: createDeleteAccount(options)
  }
}
