/** Two common policies, each reached by settings alone, each tested from end to end through the edge. */

import t from 'tap'
import type { Stack } from '../../local/stack.ts'
import { call, newAddress, PASSWORD } from '../lib/person.ts'
import { type Mail, openTestStack } from '../lib/test-stack.ts'
import { until } from '../lib/until.ts'

const API = '/api/v1'
const NEW_PASSWORD = 'Battery-staple-8'

type TestStack = Stack & { messages(to: string): Promise<Mail[]> }

/** The token of the newest email to an address with a matching subject. */
async function linkToken(stack: TestStack, address: string, subject: RegExp): Promise<string> {
  const mail = await until(`a mail "${subject}" to ${address}`, async () =>
    (await stack.messages(address)).find(one => subject.test(one.subject))
  )
  const token = new URL(mail.links[0] ?? '').hash.split('token=')[1]
  if (token === undefined) throw new Error(`the mail "${mail.subject}" has no link with a token`)
  return token
}

/** A client with its own address, so that limits by address do not affect other clients. */
function clientAt(stack: TestStack, address: string) {
  return (method: string, path: string, options: Parameters<typeof call>[3] = {}) =>
    call(stack.edge, method, API + path, {
      ...options,
      headers: { 'cf-connecting-ip': address, 'user-agent': 'curl/8.5.0', ...options.headers }
    })
}

/** Within a second the edge knows that a session has ended. */
async function endedAtTheEdge(request: ReturnType<typeof clientAt>, token: string): Promise<void> {
  await until('the edge refuses the token', async () => {
    const { body } = await request('GET', '/users/me', { token })
    return body.code === 'session-ended'
  })
}

t.test('SaaS, the defaults: confirm, sign in, change, reset, delete', async t => {
  const stack = await openTestStack(t)
  const request = clientAt(stack, '203.0.113.7')
  const email = newAddress()
  const body = { email, password: PASSWORD, name: 'Ada' }

  t.equal((await request('POST', '/auth/register', { body })).status, 202)
  t.equal((await request('POST', '/auth/login', { body: { email, password: PASSWORD } })).body.code, 'email-unverified')
  t.equal((await request('POST', '/auth/resend-verification', { body: { email } })).status, 202)
  const token = await linkToken(stack, email, /confirm/i)
  for (const page of [`verify-email%23token=${token}`, `reset-password%23token%3D${token}`]) {
    const { status, headers } = await call(stack.edge, 'GET', `/${page}`)
    t.equal(status, 200, 'the edge lets a link pass whose # was encoded on the way')
    t.match(headers.get('content-type'), 'text/html')
    t.match(headers.get('content-security-policy'), "default-src 'none'")
  }
  t.equal((await request('POST', `/auth/verify-email/${token}`)).status, 200)

  const phone = (await request('POST', '/auth/login', { body: { email, password: PASSWORD, rememberMe: true } })).body
  const laptop = (await request('POST', '/auth/login', { body: { email, password: PASSWORD } })).body
  const list = await request('GET', '/auth/sessions', { token: laptop.accessToken })
  t.equal(list.body.sessions.length, 2)
  const days = list.body.sessions.map((one: { createdAt: string; expiresAt: string }) =>
    Math.round((Date.parse(one.expiresAt) - Date.parse(one.createdAt)) / 86_400_000)
  )
  t.strictSame(days, [1, 30], 'a day, and thirty with remember me')

  const changed = await request('POST', '/users/me/password', {
    token: laptop.accessToken,
    body: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
  })
  t.equal(changed.status, 204)
  await endedAtTheEdge(request, phone.accessToken)
  t.equal((await request('GET', '/users/me', { token: laptop.accessToken })).status, 200, 'this session lives on')

  t.equal((await request('POST', '/auth/forgot-password', { body: { email } })).status, 202)
  const reset = await linkToken(stack, email, /new password/i)
  t.equal((await request('POST', '/auth/reset-password', { body: { token: reset, password: PASSWORD } })).status, 200)
  t.equal(
    (await request('POST', '/auth/reset-password', { body: { token: reset, password: PASSWORD } })).body.code,
    'link-expired'
  )
  await endedAtTheEdge(request, laptop.accessToken)

  const again = (await request('POST', '/auth/login', { body: { email, password: PASSWORD } })).body
  const moved = newAddress()
  const move = await request('POST', '/users/me/email', {
    token: again.accessToken,
    body: { email: moved, password: PASSWORD }
  })
  t.equal(move.status, 202)
  const moveToken = await linkToken(stack, moved, /confirm/i)
  t.equal((await request('POST', `/auth/verify-email/${moveToken}`)).status, 200)
  t.equal((await request('GET', '/users/me', { token: again.accessToken })).body.email, moved)

  const exported = await request('GET', '/users/me/export', { token: again.accessToken })
  t.equal(exported.status, 200)
  t.match(JSON.stringify(exported.body), moved)
  t.notMatch(JSON.stringify(exported.body), /passwordHash|sealed/i, 'without secrets')

  t.equal(
    (await request('DELETE', '/users/me', { token: again.accessToken, body: { password: PASSWORD } })).status,
    204
  )
  await endedAtTheEdge(request, again.accessToken)
  t.equal(
    (await request('POST', '/auth/login', { body: { email: moved, password: PASSWORD } })).body.code,
    'invalid-credentials'
  )
})

t.test('API: signed in at once, 15 minutes and 7 days, five failures in 15 minutes', async t => {
  const stack = await openTestStack(t, {
    EMAIL_VERIFICATION: 'optional',
    ACCESS_TOKEN_TTL: '900',
    SESSION_TTL: '604800',
    REFRESH_IDLE_TTL: '604800',
    LOGIN_FAILURES_ADDRESS: '5/900',
    LOGIN_DELAY_AFTER: '2'
  })
  const request = clientAt(stack, '203.0.113.8')
  const email = newAddress()
  const body = { email, password: PASSWORD, name: 'Ada' }

  const registered = await request('POST', '/auth/register', { body })
  t.match(registered, {
    status: 201,
    body: { user: { email, emailVerified: false }, tokenType: 'Bearer', expiresIn: 900 }
  })
  t.equal((await request('GET', '/users/me', { token: registered.body.accessToken })).status, 200)
  t.match(await request('POST', '/auth/register', { body }), { status: 409, body: { code: 'email-taken' } })

  const token = await linkToken(stack, email, /confirm/i)
  t.equal((await request('POST', `/auth/verify-email/${token}`)).status, 200)
  t.equal((await request('GET', '/users/me', { token: registered.body.accessToken })).body.emailVerified, true)

  const { refreshToken } = registered.body
  const refreshed = await request('POST', '/auth/refresh', { body: { refreshToken } })
  t.match(refreshed, { status: 200, body: { expiresIn: 900 } })
  const { sessions } = (await request('GET', '/auth/sessions', { token: refreshed.body.accessToken })).body
  t.equal(Date.parse(sessions[0].expiresAt) - Date.parse(sessions[0].createdAt), 604_800_000, 'seven days')

  // Five accounts, so that the growing delay of one account does not answer first.
  const guess = () => request('POST', '/auth/login', { body: { email: newAddress(), password: 'Wrong-horse-7' } })
  for (let i = 0; i < 5; i++) t.equal((await guess()).body.code, 'invalid-credentials')
  const blocked = await guess()
  t.match(blocked, {
    status: 429,
    body: { code: 'too-many-attempts', title: 'Too many attempts. Please try again later' }
  })
  t.ok(Number(blocked.headers.get('retry-after')) > 1700, 'for half an hour')
  const elsewhere = clientAt(stack, '203.0.113.9')
  t.equal(
    (await elsewhere('POST', '/auth/login', { body: { email, password: PASSWORD } })).status,
    200,
    'nobody else is'
  )

  const logout = await request('POST', '/auth/logout', { body: { refreshToken: refreshed.body.refreshToken } })
  t.equal(logout.status, 200)
  await endedAtTheEdge(request, refreshed.body.accessToken)
})
