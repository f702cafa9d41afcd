/** Lists the rules of accounts, each with its own file, over one set of options. The rules know no HTTP. */

import { createDeleteAccount } from './delete-account.ts'
import { createExportData } from './export-data.ts'
import type { AccountsOptions } from './options.ts'
import { createReadProfile, createRename } from './profile.ts'
import { createCheckRegistration, createRegister } from './register.ts'

/** The rules of accounts. */
export type AccountsService = ReturnType<typeof createAccountsService>

/** Creates the rules of accounts. */
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
