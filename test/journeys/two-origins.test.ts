/** Two origins on one database and one Redis answer as one would. */

import t from 'tap'
import { call, mailedToken, newAddress, PASSWORD } from '../lib/person.ts'
import { openTestOrigin } from '../lib/test-origin.ts'

const AUTH = '/api/v1/auth'

t.test('each step of a journey may reach another origin', async t => {
  const { url: a, mailbox, another } = await openTestOrigin(t)
  const { url: b } = await another()
  const email = newAddress()
  const credentials = { email, password: PASSWORD }

  t.equal((await call(a, 'POST', `${AUTH}/register`, { body: { ...credentials, name: 'Ada' } })).status, 202)
  t.equal((await call(b, 'POST', `${AUTH}/login`, { body: credentials })).body.code, 'email-unverified')
  t.equal((await call(b, 'POST', `${AUTH}/verify-email/${await mailedToken(mailbox, email)}`)).status, 200)

  const { accessToken, refreshToken } = (await call(a, 'POST', `${AUTH}/login`, { body: credentials })).body
  t.equal((await call(b, 'GET', `${AUTH}/verify-token`, { token: accessToken })).status, 200, 'b knows the key of a')

  const [one, other] = await Promise.all(
    [a, b].map(base => call(base, 'POST', `${AUTH}/refresh`, { body: { refreshToken } }))
  )
  t.strictSame([one?.status, other?.status], [200, 200], 'one refresh token at two origins at once logs nobody out')
  t.equal(one?.body.refreshToken, other?.body.refreshToken, 'and has one successor')

  const body = { refreshToken: one?.body.refreshToken }
  t.equal((await call(b, 'POST', `${AUTH}/logout`, { body })).status, 200)
  for (const base of [a, b]) {
    t.equal((await call(base, 'GET', `${AUTH}/verify-token`, { token: accessToken })).body.code, 'session-ended')
    t.equal((await call(base, 'POST', `${AUTH}/refresh`, { body })).body.code, 'refresh-invalid')
  }
})

t.test('limits are shared: each origin continues the count of the other', async t => {
  const { url: a, another } = await openTestOrigin(t, { LOGIN_FAILURES_ADDRESS: '5/600', QUOTA_REGISTER: '5/3600' })
  const { url: b } = await another()
  const guess = (base: string) =>
    call(base, 'POST', `${AUTH}/login`, { body: { email: newAddress(), password: PASSWORD } })
  const guesses = await Promise.all([a, b, a, b, a, b, a, b].map(guess))
  t.equal(guesses.filter(one => one.body.code === 'invalid-credentials').length, 5, 'five guesses are answered')
  t.equal(guesses.filter(one => one.body.code === 'too-many-attempts').length, 3, 'the others are not')

  const register = (base: string) =>
    call(base, 'POST', `${AUTH}/register`, { body: { email: newAddress(), password: PASSWORD, name: 'Ada' } })
  const registered = await Promise.all([a, b, a, b, a, b].map(register))
  t.equal(registered.filter(one => one.status === 202).length, 5, 'six registrations at a quota of five: five pass')
  t.equal(registered.filter(one => one.body.code === 'rate-limited').length, 1)
})
