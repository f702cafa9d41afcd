/** Registers users over HTTP, as a client does. */

import { randomUUID } from 'node:crypto'
import { DEVICE_COOKIE } from '../../edge/contract/http.ts'
import { API } from './origin-process.ts'
import { rawRequest } from './raw-request.ts'
import type { Identity } from './tokens.ts'

/** A registered user with a live session. */
export interface RegisteredUser extends Identity {
  readonly refreshToken: string
  /** The bytes of a login from a known device, which causes no email. */
  readonly login: Buffer
}

const AT_ONCE = 4
const PASSWORD = 'Correct-horse-7'

/** Registers `count` users, a few at a time. */
export async function registerUsers(url: string, count: number): Promise<RegisteredUser[]> {
  const users: RegisteredUser[] = []
  const run = async (share: number) => {
    for (let i = 0; i < share; i++) users.push(await registerOne(url, `${randomUUID()}@example.com`))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => run(Math.ceil((count - i) / AT_ONCE))))
  return users
}

async function registerOne(url: string, email: string): Promise<RegisteredUser> {
  const response = await fetch(`${url}${API}/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: PASSWORD, name: 'Ada Lovelace' })
  })
  const text = await response.text()
  if (response.status !== 201) throw new Error(`registering "${email}" was answered with ${response.status}: ${text}`)
  const device = response.headers.getSetCookie().find(cookie => cookie.startsWith(`${DEVICE_COOKIE}=`))
  const [cookie = ''] = device?.split(';') ?? []
  const login = { method: 'POST', path: `${API}/auth/login`, headers: { cookie }, body: { email, password: PASSWORD } }
  const { accessToken, refreshToken } = JSON.parse(text)
  const { sub, sid } = JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64url').toString())
  return { sub, sid, refreshToken, login: rawRequest(login) }
}
