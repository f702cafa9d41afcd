/** User accounts from the command line, such as the first administrator. The rules are those of administration. */

import { findUserByEmail, type User } from '../../db/queries/users.ts'
import { createChangeUser, type UserChange } from '../features/admin/change-user.ts'
import type { AdminOptions } from '../features/admin/options.ts'
import { parseEmailAddress } from '../lib/users/email-address.ts'
import { type Command, type Env, type Terminal, UsageError } from './command.ts'
import { commandLine, withTools } from './with-tools.ts'

/** `gatehouse users set-role EMAIL ROLE` */
export const setRole: Command = {
  usage: 'users set-role EMAIL ROLE',
  summary: 'Make a user an admin, or a user again',
  async run([email, role, ...rest], env, terminal) {
    if ((role !== 'admin' && role !== 'user') || rest.length > 0)
      throw new UsageError('Usage: gatehouse users set-role EMAIL ROLE, where ROLE is admin or user')
    const user = await change(env, email, { role })
    if (role === 'admin') terminal.out('Tokens carry the new role from the next refresh or sign-in.')
    return shown(user, terminal)
  }
}

/** `gatehouse users disable EMAIL` */
export const disableUser: Command = {
  usage: 'users disable EMAIL',
  summary: 'Disable an account and end all of its sessions',
  run: async ([email], env, terminal) => shown(await change(env, email, { disabled: true }), terminal)
}

/** `gatehouse users enable EMAIL` */
export const enableUser: Command = {
  usage: 'users enable EMAIL',
  summary: 'Enable an account again',
  run: async ([email], env, terminal) => shown(await change(env, email, { disabled: false }), terminal)
}

/** `gatehouse users show EMAIL` */
export const showUser: Command = {
  usage: 'users show EMAIL',
  summary: 'Show the role of an account, and whether it is disabled',
  run: async ([email], env, terminal) =>
    shown(await withOptions(env, options => findByAddress(options, email)), terminal)
}

async function change(env: Env, email: string | undefined, wanted: UserChange): Promise<User> {
  return withOptions(env, async options => {
    const user = await findByAddress(options, email)
    const changed = await createChangeUser(options)({ client: commandLine(options.nowMs()) }, user.id, wanted)
    if (changed.ok) return changed.value
    throw new UsageError(`Tried to change "${user.email}": ${changed.reason}. ${changed.detail ?? ''}`)
  })
}

async function findByAddress({ database }: AdminOptions, text = ''): Promise<User> {
  const email = parseEmailAddress(text)
  if (email === undefined) throw new UsageError(`Expected the email address of an account, found "${text}"`)
  const user = await database.run(db => findUserByEmail(db, email))
  if (user !== undefined) return user
  throw new UsageError(
    `Found no account with the email address "${email}": register it and open the mailed link, then run this again`
  )
}

function withOptions<T>(env: Env, work: (options: AdminOptions) => Promise<T>): Promise<T> {
  // The database holds the ends as unpublished, and the keeper of a running origin publishes them within a second.
  return withTools(env, tools => work({ ...tools, publishEnds: async () => true }))
}

function shown({ email, role, disabledAt, emailVerified }: User, { out }: Terminal): number {
  out(`${email}: ${role}, ${disabledAt ? 'disabled' : 'enabled'}, address ${emailVerified ? '' : 'not '}verified`)
  return 0
}
