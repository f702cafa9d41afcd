/** The main job through everything: the Worker in workerd, the origin on a socket, PostgreSQL, SMTP. */

import t from 'tap'
import { lanes } from '../lib/lanes.ts'
import { call, newAddress, PASSWORD } from '../lib/person.ts'
import { openTestStack } from '../lib/test-stack.ts'
import { until } from '../lib/until.ts'

const API = '/api/v1'

for (const lane of lanes()) {
  t.test(
    `a person registers, confirms, signs in, refreshes and logs out, on ${lane.name}`,
    { skip: lane.skip },
    async t => {
      const stack = await openTestStack(t, {}, lane)
      const { edge, origin } = stack
      const email = newAddress()

      const registered = await call(edge, 'POST', `${API}/auth/register`, {
        body: { email, password: PASSWORD, name: 'Ada' }
      })
      t.equal(registered.status, 202, 'the registration is taken')

      const early = await call(edge, 'POST', `${API}/auth/login`, { body: { email, password: PASSWORD } })
      t.equal(early.body.code, 'email-unverified', 'nobody signs in before the link was opened')

      const [mail] = await until('the mail arrives', async () => {
        const mails = await stack.messages(email)
        return mails.length > 0 ? mails : undefined
      })
      const link = new URL(mail?.links[0] ?? '')
      t.equal(link.origin, edge, 'the link leads to the edge')
      const page = await call(edge, 'GET', link.pathname)
      t.equal(page.status, 200, 'and to a page')
      const token = new URLSearchParams(link.hash.slice(1)).get('token')
      t.equal((await call(edge, 'POST', `${API}/auth/verify-email/${token}`)).status, 200, 'the address is verified')
      t.equal((await call(edge, 'POST', `${API}/auth/verify-email/${token}`)).body.code, 'link-expired', 'once')

      const login = await call(edge, 'POST', `${API}/auth/login`, { body: { email, password: PASSWORD } })
      t.equal(login.status, 200, 'the person signs in')
      const { accessToken, refreshToken } = login.body

      const me = await call(edge, 'GET', `${API}/users/me`, { token: accessToken })
      t.match(me, { status: 200, body: { email, name: 'Ada', emailVerified: true } }, 'users/me through the edge')
      t.match(me.headers.get('ratelimit'), /"user";r=599;t=61/, 'with what is left of the quota')

      const refreshed = await call(edge, 'POST', `${API}/auth/refresh`, { body: { refreshToken } })
      t.equal(refreshed.status, 200, 'the refresh token is exchanged')
      t.not(refreshed.body.refreshToken, refreshToken, 'for another')

      const logout = await call(edge, 'POST', `${API}/auth/logout`, {
        body: { refreshToken: refreshed.body.refreshToken },
        token: accessToken
      })
      t.match(logout, { status: 200, body: { message: 'Logged out successfully' } })

      for (const old of [accessToken, refreshed.body.accessToken]) {
        t.equal(
          (await call(edge, 'GET', `${API}/users/me`, { token: old })).body.code,
          'session-ended',
          'refused at the edge'
        )
        t.equal(
          (await call(origin, 'GET', `${API}/users/me`, { token: old })).body.code,
          'session-ended',
          'and at the origin'
        )
      }
      const late = await call(origin, 'POST', `${API}/auth/refresh`, {
        body: { refreshToken: refreshed.body.refreshToken }
      })
      t.equal(late.body.code, 'refresh-invalid', 'the old refresh token is refused at the origin')
    }
  )
}
