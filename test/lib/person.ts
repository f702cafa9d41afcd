/** A user's client: sends and receives JSON, and reads the user's mailbox. */

import { randomUUID } from 'node:crypto'
import type { Mailbox } from '../../local/mailbox.ts'
import { until } from './until.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: the tests look into answers of every shape.
  readonly body: any
}

export interface CallOptions {
  readonly body?: unknown
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** One request; the body is sent as JSON and the answer read as JSON where it is any. */
export async function call(base: string, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const response = await fetch(base + path, {
    method,
    redirect: 'manual',
    headers: {
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...options.headers
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) })
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

/** A new, unique email address. */
export function newAddress(): string {
  return `person-${randomUUID().slice(0, 13)}@example.com`
}

export const PASSWORD = 'Correct-horse-7'

/** The newest token that was emailed to an address. */
export async function mailedToken(mailbox: Pick<Mailbox, 'messages'>, address: string): Promise<string> {
  return until(`a link with a token is mailed to ${address}`, () => {
    const links = mailbox.messages(address).flatMap(message => message.links)
    return links.find(link => link.includes('#token='))?.split('#token=')[1]
  })
}

export interface SignedUp {
  readonly email: string
  readonly accessToken: string
  readonly refreshToken: string
  readonly userId: string
}

const API = '/api/v1'

/** Registers a user and opens the emailed link. */
export async function register(
  base: string,
  mailbox: Pick<Mailbox, 'messages'>,
  email = newAddress()
): Promise<string> {
  const registered = await call(base, 'POST', `${API}/auth/register`, {
    body: { email, password: PASSWORD, name: 'Ada' }
  })
  if (registered.status !== 202) throw new Error(`registration answered ${registered.status}`)
  const verified = await call(base, 'POST', `${API}/auth/verify-email/${await mailedToken(mailbox, email)}`)
  if (verified.status !== 200) throw new Error(`verification answered ${verified.status}`)
  return email
}

/** Registers a user, opens the link and signs in. */
export async function signUp(base: string, mailbox: Pick<Mailbox, 'messages'>): Promise<SignedUp> {
  const email = await register(base, mailbox)
  const { status, body } = await call(base, 'POST', `${API}/auth/login`, { body: { email, password: PASSWORD } })
  if (status !== 200) throw new Error(`login answered ${status}`)
  return { email, accessToken: body.accessToken, refreshToken: body.refreshToken, userId: body.user.id }
}
