/** The whole journey through openapi-fetch, with the types of openapi-typescript. */

import createClient from 'openapi-fetch'
import type { components, paths } from './generated/openapi-typescript/api.d.ts'
import type { Person, Statuses } from './person.ts'

// Over 40 lines: one journey, read from its begin to its end.
export async function journey(baseUrl: string, { email, password, mailedToken }: Person): Promise<Statuses> {
  const client = createClient<paths>({ baseUrl })

  const registered = await client.POST('/api/v1/auth/register', { body: { email, password, name: 'Ada' } })
  const token = await mailedToken()
  const verified = await client.POST('/api/v1/auth/verify-email/{token}', { params: { path: { token } } })
  const loggedIn = await client.POST('/api/v1/auth/login', { body: { email, password } })
  if (loggedIn.data === undefined) throw new Error(`login: ${loggedIn.error.code}`)
  const user: components['schemas']['User'] = loggedIn.data.user
  const { refreshToken } = loggedIn.data
  if (refreshToken === undefined) throw new Error('a program gets its refresh token in the body')
  const headers = { authorization: `Bearer ${loggedIn.data.accessToken}` }

  const profile = await client.GET('/api/v1/users/me', { headers })
  const renamed = await client.PATCH('/api/v1/users/me', { headers, body: { name: `${user.name} Lovelace` } })
  const sessions = await client.GET('/api/v1/auth/sessions', { headers })
  const refreshed = await client.POST('/api/v1/auth/refresh', { body: { refreshToken } })
  const bare = await client.POST('/api/v1/auth/refresh')
  const code: components['schemas']['Problem']['code'] | undefined = bare.error?.code
  if (code !== 'refresh-invalid') throw new Error(`a refresh without a token: ${code}`)
  const forbidden = await client.GET('/api/v1/admin/audit-events', {
    headers,
    params: { query: { limit: 20, kind: 'login-failed' } }
  })
  // @ts-expect-error: a number, and not its digits
  const query: paths['/api/v1/admin/users']['get']['parameters']['query'] = { limit: '20' }
  const unknownLimit = await client.GET('/api/v1/admin/users', { headers, params: { query: query ?? {} } })
  const loggedOut = await client.POST('/api/v1/auth/logout', { headers })
  const after = await client.GET('/api/v1/users/me', { headers })
  const again = await client.POST('/api/v1/auth/logout', { body: {} })

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
