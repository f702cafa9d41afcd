/** Secrets that several answers together must not reveal, and attacks of one client on all others. */

import postgres from 'postgres'
import t from 'tap'
import { call, PASSWORD, signUp } from '../../lib/person.ts'
import { openTestOrigin } from '../../lib/test-origin.ts'

const AUTH = '/api/v1/auth'

t.test('a disabled account answers a right password like a wrong one, however often it is asked', async t => {
  const { url, mailbox, databaseUrl } = await openTestOrigin(t, { LOGIN_DELAY_AFTER: '2' })
  const sql = postgres(databaseUrl, { max: 1 })
  t.teardown(() => sql.end())
  const answers = async (password: string) => {
    const { email, userId } = await signUp(url, mailbox)
    await sql`update users set disabled_at = now() where id = ${userId}`
    const codes: string[] = []
    for (let i = 0; i < 4; i++) {
      codes.push((await call(url, 'POST', `${AUTH}/login`, { body: { email, password } })).body.code)
    }
    return codes
  }
  const right = await answers(PASSWORD)
  t.strictSame(right, await answers('Wrong-horse-7'))
  t.match(right, ['invalid-credentials', 'invalid-credentials', 'too-many-attempts', 'too-many-attempts'])
})

t.test('the last administrator cannot delete the own account', async t => {
  const { url, mailbox, databaseUrl } = await openTestOrigin(t)
  const sql = postgres(databaseUrl, { max: 1 })
  t.teardown(() => sql.end())
  const [ada, eve] = [await signUp(url, mailbox), await signUp(url, mailbox)]
  const leave = () => call(url, 'DELETE', '/api/v1/users/me', { token: ada.accessToken, body: { password: PASSWORD } })
  await sql`update users set role = 'admin' where id = ${ada.userId}`
  t.match(await leave(), { status: 403, body: { code: 'forbidden' } })
  await sql`update users set role = 'admin' where id = ${eve.userId}`
  t.equal((await leave()).status, 204, 'one of two can')
})
