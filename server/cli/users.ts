/** People, from the command line: how the first administrator is made. The rules are those of administration. */

import { findUserByEmail, type User } from '../../db/queries/users.ts'
import { createChangeUser, type UserChange } from '../features/admin/change-user.ts'
import type { AdminOptions } from '../features/admin/options.ts'
import { parseEmailAddress } from '../lib/users/email-address.ts'
import { type Command, type Env, type Terminal, UsageError } from './command.ts'
import { commandLine, withTools } from './with-tools.ts'

/** `gatehouse users set-role EMAIL ROLE` */
export const setRole: Command = {
  usage: 'users set-role EMAIL ROLE',
  summary: 'Make somebody an admin, or a user again',
  async run([email, role, ...rest], env, terminal) {
    if ((role !== 'admin' && role !== 'user') || rest.length > 0)
      throw new UsageError('Usage: gatehouse users set-role EMAIL ROLE, where ROLE is admin or user')
    const user = await change(env, email, { role })
    if (role === 'admin') terminal.out('Tokens say so from the next refresh or sign-in.')
    return shown(user, terminal)
  }
}

/** `gatehouse users disable EMAIL` */
export const disableUser: Command = {
  usage: 'users disable EMAIL',
  summary: 'Keep somebody from signing in, and end all sessions',
  run: async ([email], env, terminal) => shown(await change(env, email, { disabled: true }), terminal)
}

/** `gatehouse users enable EMAIL` */
export const enableUser: Command = {
  usage: 'users enable EMAIL',
  summary: 'Let somebody sign in again',
  run: async ([email], env, terminal) => shown(await change(env, email, { disabled: false }), terminal)
}

/** `gatehouse users show EMAIL` */
export const showUser: Command = {
  usage: 'users show EMAIL',
  summary: 'Show role and standing',
  run: async ([email], env, terminal) =>
    shown(await withOptions(env, options => findByAddress(options, email)), terminal)
}

async function change(env: Env, email: string | undefined, wanted: UserChange): Promise<User> {
  return withOptions(env, async options => {
    const user = await findByAddress(options, email)
    const changed = await createChangeUser(options)({ client: commandLine(options.nowMs()) }, user.id, wanted)
    if (changed.ok) return changed.value
    throw new UsageError(`Tried to change "${user.email}" and found that ${changed.reason}. ${changed.detail ?? ''}`)
  })
}

async function findByAddress({ database }: AdminOptions, text = ''): Promise<User> {
  const email = parseEmailAddress(text)
  if (email === undefined) throw new UsageError(`"${text}" is no mail address: give the one that the person registered`)
  const user = await database.run(db => findUserByEmail(db, email))
  if (user !== undefined) return user
  throw new UsageError(
    `Nobody has the address "${email}": the person has to register and open the mailed link first; then run this again`
  )
}

function withOptions<T>(env: Env, work: (options: AdminOptions) => Promise<T>): Promise<T> {
  // An origin that runs tells the edges within a second: the ends are marked as not told yet.
  return withTools(env, tools => work({ ...tools, publishEnds: async () => true }))
}

function shown({ email, role, disabledAt, emailVerified }: User, { out }: Terminal): number {
  out(`${email}: ${role}, ${disabledAt ? 'disabled' : 'enabled'}, address ${emailVerified ? '' : 'not '}verified`)
  return 0
}
