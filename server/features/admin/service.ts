/** The rules of administration over one set of options. Each rule has a file of its own; none of them knows HTTP. */

import { createAdmitAdmin } from './admit-admin.ts'
import { createChangeUser } from './change-user.ts'
import { createEndSessionsOfUser } from './end-sessions-of-user.ts'
import { createListEvents } from './list-events.ts'
import { createListUsers } from './list-users.ts'
import type { AdminOptions } from './options.ts'

/** Every rule of administration. */
export type AdminService = ReturnType<typeof createAdminService>

/** Creates every rule over the same options. */
export function createAdminService(options: AdminOptions) {
  return {
    admit: createAdmitAdmin(options),
    listUsers: createListUsers(options),
    changeUser: createChangeUser(options),
    endSessions: createEndSessionsOfUser(options),
    listEvents: createListEvents(options)
  }
}
