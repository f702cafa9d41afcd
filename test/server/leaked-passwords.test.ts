/** Leaked passwords: what is on the list, how spellings are compared, and that an origin refuses them. */

import t from 'tap'
import { createLeakedPasswords } from '../../server/lib/leaked-passwords.ts'
import { call, mailedToken, newAddress, PASSWORD } from '../lib/person.ts'
import { openTestOrigin } from '../lib/test-origin.ts'

t.test('the kept list holds the classics and lets a good password through', async t => {
  const isLeaked = createLeakedPasswords()
  for (const password of ['123456', 'password', 'qwerty', 'iloveyou', 'P@ssw0rd', '1qaz@WSX']) {
    t.ok(isLeaked(password), password)
  }
  for (const password of ['', PASSWORD, 'fifteen letters', '__proto__', 'constructor', '\ud800', 'x'.repeat(1e6)]) {
    t.notOk(isLeaked(password), password.slice(0, 20))
  }
})

t.test('case and width do not hide a leaked password, on either side', async t => {
  const isLeaked = createLeakedPasswords(['Hunter２'])
  for (const password of ['hunter2', 'HUNTER2', 'ｈｕｎｔｅｒ２']) t.ok(isLeaked(password), password)
  t.notOk(isLeaked('hunter2 '), 'nothing is trimmed')
})

t.test('a check over no list is refused at once', async t => {
  t.throws(() => createLeakedPasswords([]), /the list is empty/)
})

t.test('an origin refuses a leaked password at registration', async t => {
  const { url, mailbox } = await openTestOrigin(t)
  const email = newAddress()
  const registration = (password: string) =>
    call(url, 'POST', '/api/v1/auth/register', { body: { email, password, name: 'Ada' } })

  const { status, body } = await registration('P@ssw0rd')
  t.equal(status, 422)
  t.match(body, {
    code: 'invalid-request',
    errors: [{ pointer: '/password', detail: 'is on the list of leaked passwords' }]
  })
  t.equal((await registration(PASSWORD)).status, 202, 'the same person with another password')
  t.ok(await mailedToken(mailbox, email))
})
