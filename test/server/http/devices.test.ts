/** Devices that have signed in before: known by their mark, in a cookie or in a body, and forgotten with the sessions. */

import t from 'tap'
import { call, newAddress, PASSWORD, register } from '../../lib/person.ts'
import { openSubject } from './subject.ts'

const settings = { EMAIL_VERIFICATION: 'optional', LOGIN_FAILURES_ACCOUNT: '3/900' }
const { url, sql, mailbox, another } = await openSubject(t, settings)
const API = '/api/v1'
const WRONG = 'Wrong-horse-7'

const signUpAtOnce = async () => {
  const email = newAddress()
  const { body } = await call(url, 'POST', `${API}/auth/register`, { body: { email, password: PASSWORD, name: 'Ada' } })
  return { email, token: body.accessToken as string, deviceMark: body.deviceMark as string }
}
const login = (email: string, more: object = {}) =>
  call(url, 'POST', `${API}/auth/login`, { body: { email, password: PASSWORD, ...more } })
const attack = async (email: string) => {
  for (let i = 0; i < 3; i++) t.equal((await login(email, { password: WRONG })).status, 401)
  t.equal((await login(email)).status, 429, 'an unknown device is locked out')
}

t.test('a client without cookies is known by the mark that its registration gave it', async t => {
  const { email, deviceMark } = await signUpAtOnce()
  t.type(deviceMark, 'string')
  await attack(email)
  t.equal((await login(email, { deviceMark })).status, 200)
})

t.test('every route that checks a password takes the mark from the body, and from any of several cookies', async t => {
  const { email, token, deviceMark } = await signUpAtOnce()
  await attack(email)
  const cookies = { cookie: `__Host-device=planted; __Host-device=${deviceMark}` }
  const change = (body: object, headers = {}) =>
    call(url, 'POST', `${API}/users/me/password`, { token, body: { newPassword: 'Better-horse-8', ...body }, headers })
  t.equal((await change({ currentPassword: PASSWORD })).status, 429)
  t.equal((await change({ currentPassword: PASSWORD }, cookies)).status, 204)
  const password = 'Better-horse-8'
  const email2 = { email: newAddress(), password, deviceMark }
  t.equal((await call(url, 'POST', `${API}/users/me/email`, { token, body: email2 })).status, 202)
  t.equal((await call(url, 'DELETE', `${API}/users/me`, { token, body: { password, deviceMark } })).status, 204)
})

t.test('a device that was noted is forgotten when all sessions end', async t => {
  const { email, token } = await signUpAtOnce()
  const noted = () =>
    sql`select 1 from known_devices where user_id = (select id from users where email = ${email})`.then(
      rows => rows.length
    )
  t.equal(await noted(), 1)
  t.equal((await call(url, 'DELETE', `${API}/auth/sessions/all`, { token })).status, 204)
  t.equal(await noted(), 0)
})

t.test('guesses by way of registrations count for the account, and for the address of the client', async t => {
  const guess = async (base: string, email: string, i: number) => {
    const body = { email, password: `Guess-horse-${i}` }
    await call(base, 'POST', `${API}/auth/register`, { body: { ...body, name: 'Eve' } })
    return (await call(base, 'POST', `${API}/auth/login`, { body })).body.code
  }
  const required = { EMAIL_VERIFICATION: 'required', LOGIN_DELAY_AFTER: '1' }
  const byAccount = await another(required)
  const byAddress = await openSubject(t, { ...required, LOGIN_FAILURES_ADDRESS: '2/600' })
  const email = await register(byAccount.url, mailbox)
  for (let i = 0; i < 3; i++)
    t.equal(await guess(byAccount.url, email, i), 'email-unverified', 'without a growing delay')
  const login = { body: { email, password: PASSWORD } }
  t.match(await call(byAccount.url, 'POST', `${API}/auth/login`, login), {
    status: 429,
    body: { code: 'too-many-attempts' }
  })

  for (let i = 0; i < 2; i++) t.equal(await guess(byAddress.url, newAddress(), i), 'email-unverified')
  t.equal(
    await guess(byAddress.url, newAddress(), 2),
    'too-many-attempts',
    'an address locks out no other account for long'
  )
})
