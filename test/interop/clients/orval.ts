/** The whole journey through the functions that orval generates around `fetch`. */

import {
  changeProfile,
  type ListUsersParams,
  listAuditEvents,
  listSessions,
  listUsers,
  login,
  logout,
  type Problem,
  readProfile,
  refresh,
  register,
  type User,
  verifyEmail
} from './generated/orval/api'
import type { Person, Statuses } from './person.ts'

// Over 40 lines: one journey, read from its begin to its end.
/** @param _baseUrl is in the generated code: orval's configuration has it */
export async function journey(_baseUrl: string, { email, password, mailedToken }: Person): Promise<Statuses> {
  const registered = await register({ email, password, name: 'Ada' })
  const verified = await verifyEmail(await mailedToken())
  const loggedIn = await login({ email, password })
  if (loggedIn.status !== 200) throw new Error(`login: ${loggedIn.data.code}`)
  const user: User = loggedIn.data.user
  const { refreshToken } = loggedIn.data
  if (refreshToken === undefined) throw new Error('a program gets its refresh token in the body')
  const options = { headers: { authorization: `Bearer ${loggedIn.data.accessToken}` } }

  const profile = await readProfile(options)
  const renamed = await changeProfile({ name: `${user.name} Lovelace` }, options)
  const sessions = await listSessions(options)
  const refreshed = await refresh({ refreshToken })
  const bare = await refresh()
  const code: Problem['code'] | undefined = bare.status === 200 ? undefined : bare.data.code
  if (code !== 'refresh-invalid') throw new Error(`a refresh without a token: ${code}`)
  const forbidden = await listAuditEvents({ limit: 20, kind: 'login-failed' }, options)
  // @ts-expect-error: a number, and not its digits
  const query: ListUsersParams = { limit: '20' }
  const unknownLimit = await listUsers(query, options)
  const loggedOut = await logout(undefined, options)
  const after = await readProfile(options)
  const again = await logout({})

  return statuses({
    registered,
    verified,
    loggedIn,
    profile,
    renamed,
    sessions,
    refreshed,
    bare,
    forbidden,
    unknownLimit,
    loggedOut,
    after,
    again
  })
}

function statuses(answers: Readonly<Record<string, { readonly status: number }>>): Statuses {
  return Object.fromEntries(Object.entries(answers).map(([step, { status }]) => [step, status]))
}
