/** The password policy: length in code points, classes, words to avoid. Hashing is tested elsewhere. */

import t from 'tap'
import {
  PASSWORD_MAX_LENGTH,
  type PasswordPolicy,
  passwordFaults
} from '../../../../server/lib/passwords/password-policy.ts'

const CLASSES: PasswordPolicy = { minLength: 8, classes: ['upper', 'lower', 'digit', 'symbol'], isLeaked: () => false }
const LENGTH: PasswordPolicy = { minLength: 15, classes: [], isLeaked: () => false }

const accepts = (password: string, policy = CLASSES, avoid: string[] = []) =>
  passwordFaults(policy, password, avoid).length === 0

t.test('each class has a message of its own, and only where it is missing', async t => {
  const table: readonly [string, RegExp][] = [
    ['correct-horse-7', /upper-case/],
    ['CORRECT-HORSE-7', /lower-case/],
    ['Correct-horse-x', /digit/],
    ['Correcthorse7', /symbol/]
  ]
  for (const [password, expected] of table) {
    const faults = passwordFaults(CLASSES, password, [])
    t.equal(faults.length, 1, password)
    t.match(faults[0], expected)
  }
  t.strictSame(passwordFaults(CLASSES, 'Correct-horse-7', []), [])
})

t.test('classes are those of every script, not only of ASCII', async t => {
  t.ok(accepts('Пароль-длинный-٣'), 'Cyrillic letters and an Arabic digit')
  t.ok(accepts('Ångström€1'), 'a currency sign is a symbol')
})

t.test('length counts code points, so that one emoji is one character', async t => {
  t.notOk(accepts('Aa1-😀😀😀'), 'seven code points in ten code units')
  t.ok(accepts('Aa1-😀😀😀😀'))
  t.ok(accepts('Aa1-'.padEnd(PASSWORD_MAX_LENGTH, 'x')))
  t.notOk(accepts('Aa1-'.padEnd(PASSWORD_MAX_LENGTH + 1, 'x')))
})

t.test('length counts code points after NFKC, in both directions', async t => {
  t.notOk(accepts('Aa1-e\u0301e\u0301e\u0301'), 'ten code points that compose to seven')
  t.notOk(accepts(`Aa1-${'\ufdfa'.repeat(20)}`), 'twenty ligatures of eighteen letters each')
})

t.test('a blank is a symbol', async t => {
  for (const blank of [' ', '\u00a0', '\u3000', '\t']) t.ok(accepts(`Correct${blank}horse7`), JSON.stringify(blank))
})

t.test('nothing is trimmed', async t => {
  t.ok(accepts(' Aa1-xy '), 'eight with its spaces')
})

t.test('the policy of NIST requires length only', async t => {
  t.ok(accepts('fifteen letters', LENGTH))
  t.notOk(accepts('fourteen chars', LENGTH))
})

t.test('a password made of known words with a few characters added is refused', async t => {
  const known = ['ada.king-noel@example.com', 'Ada Lovelace', 'gatehouse']
  const refused = [
    ...['ada.king-noel@example.com', 'ADA.King-Noel@Example.COM', 'ａｄａ.king-noel@example.com', 'Ada.king-noel'],
    ...[
      'Lovelace1815!',
      '!!Lovelace#9',
      'AdaLovelace1!',
      'lovelace.ada.7',
      '@d@L0vel4ce-x',
      'Ada12345!',
      'x-Lovelace-y'
    ],
    ...['Gatehouse1!', 'g4teh0use2024!', 'Example#2024', 'KingNoel-99']
  ]
  for (const password of refused) {
    t.match(passwordFaults(LENGTH, password, known).join(), /your name, your email address/, password)
  }
  const accepted = [
    ...['Ada-likes-7-cats', 'Lovelace and 3 dogs', 'gate and house 7', 'x7$kAdaQz!2w', 'Gatehouse is where I sleep'],
    ...['correct horse battery', '']
  ]
  for (const password of accepted) {
    t.notMatch(passwordFaults(LENGTH, password, known).join(), /your name, your email address/, password)
  }
  t.notMatch(passwordFaults(LENGTH, '', ['', ' ', 'Li', 'Al de']).join(), /your name/, 'words too short to count')
  t.notMatch(passwordFaults(LENGTH, 'aldel!-2024', ['Al de']).join(), /your name, your/, 'pieces too short to count')
})

t.test('a leaked password is refused, in the spelling that is hashed', async t => {
  const policy = { ...LENGTH, isLeaked: (password: string) => password === 'a leaked password' }
  t.strictSame(passwordFaults(policy, 'a leaked ｐassword', []), [
    'is on the list of leaked passwords, or too close to one of them'
  ])
  t.ok(accepts('another password', policy))
})
