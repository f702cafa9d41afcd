/** The whole journey through the client that @hey-api/openapi-ts generates. */

import { createClient, createConfig } from './generated/hey-api/client'
import {
  changeProfile,
  listAuditEvents,
  listSessions,
  listUsers,
  login,
  logout,
  readProfile,
  refresh,
  register,
  verifyEmail
} from './generated/hey-api/sdk.gen'
import type { ListUsersData, Problem, User } from './generated/hey-api/types.gen'
import type { Person, Statuses } from './person.ts'

// Over 40 lines: one journey, read from its begin to its end.
export async function journey(baseUrl: string, { email, password, mailedToken }: Person): Promise<Statuses> {
  let accessToken: string | undefined
  const client = createClient(createConfig({ baseUrl, auth: () => accessToken }))

  const registered = await register({ client, body: { email, password, name: 'Ada' } })
  const verified = await verifyEmail({ client, path: { token: await mailedToken() } })
  const loggedIn = await login({ client, body: { email, password } })
  if (loggedIn.data === undefined) throw new Error(`login: ${loggedIn.error.code}`)
  const user: User = loggedIn.data.user
  const { refreshToken } = loggedIn.data
  if (refreshToken === undefined) throw new Error('a program gets its refresh token in the body')
  accessToken = loggedIn.data.accessToken

  const profile = await readProfile({ client })
  const renamed = await changeProfile({ client, body: { name: `${user.name} Lovelace` } })
  const sessions = await listSessions({ client })
  const refreshed = await refresh({ client, body: { refreshToken } })
  const bare = await refresh({ client })
  const code: Problem['code'] | undefined = bare.error?.code
  if (code !== 'refresh-invalid') throw new Error(`a refresh without a token: ${code}`)
  const forbidden = await listAuditEvents({ client, query: { limit: 20, kind: 'login-failed' } })
  // @ts-expect-error: a number, and not its digits
  const query: ListUsersData['query'] = { limit: '20' }
  const unknownLimit = await listUsers({ client, query: query ?? {} })
  const loggedOut = await logout({ client })
  const after = await readProfile({ client })
  const again = await logout({ client, body: {} })

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

function statuses(answers: Readonly<Record<string, { readonly response: Response }>>): Statuses {
  return Object.fromEntries(Object.entries(answers).map(([step, { response }]) => [step, response.status]))
}
