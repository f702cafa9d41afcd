/** The rules that the page for a new password gives to password managers: the policy accepts what they generate. */

import t from 'tap'
import { between, createRandom, type Random } from '../../../../local/random.ts'
import { resetPasswordPage } from '../../../../server/features/pages/reset-password-page.ts'
import { createLeakedPasswords } from '../../../../server/lib/passwords/leaked-passwords.ts'
import {
  PASSWORD_CLASSES,
  type PasswordClass,
  passwordFaults
} from '../../../../server/lib/passwords/password-policy.ts'

/** The classes of the proposal for `passwordrules`, as Apple documents them. */
const CHARACTERS: Readonly<Record<string, string>> = {
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  lower: 'abcdefghijklmnopqrstuvwxyz',
  digit: '0123456789',
  special: '-~!@#$%^&*_+=`|(){}[:;"\'<>,.?] ',
  'ascii-printable': String.fromCharCode(...Array.from({ length: 95 }, (_, i) => 32 + i))
}

interface Rules {
  readonly minLength: number
  readonly maxLength: number
  readonly required: readonly string[]
  readonly allowed: readonly string[]
}

/** Reads a value strictly: an unknown rule or class, which managers would ignore, is an error here. */
function parseRules(text: string): Rules {
  const rules = { minLength: 0, maxLength: 0, required: [] as string[], allowed: [] as string[] }
  for (const rule of text.split(';').filter(part => part.trim() !== '')) {
    const [name = '', value = '', ...rest] = rule.split(':').map(part => part.trim())
    if (rest.length > 0) throw new Error(`more than one colon in "${rule}"`)
    if (name === 'minlength') rules.minLength = Number(value)
    else if (name === 'maxlength') rules.maxLength = Number(value)
    else if ((name === 'required' || name === 'allowed') && value in CHARACTERS) rules[name].push(value)
    else throw new Error(`unknown rule "${rule}"`)
  }
  return rules
}

/** Generates as a manager does: one character of each required class, the others from every allowed class. */
function generate(random: Random, { required, allowed }: Rules, length: number): string {
  const draw = (names: readonly string[]) => {
    const from = names.map(name => CHARACTERS[name]).join('')
    return from[between(random, 0, from.length - 1)] ?? ''
  }
  const characters = Array.from({ length }, (_, i) =>
    i < required.length ? draw(required.slice(i, i + 1)) : draw([...required, ...allowed])
  )
  for (let i = length - 1; i > 0; i--) {
    const other = between(random, 0, i)
    ;[characters[i], characters[other]] = [characters[other] ?? '', characters[i] ?? '']
  }
  return characters.join('')
}

/** Every choice of classes. */
const CHOICES = Array.from({ length: 16 }, (_, bits) =>
  (Object.keys(PASSWORD_CLASSES) as PasswordClass[]).filter((_, i) => bits & (1 << i))
)

function attributeOf(html: string, name: string): string {
  const [input = ''] = /<input id="password"[^>]*>/.exec(html) ?? []
  return new RegExp(` ${name}="([^"]*)"`).exec(input)?.[1] ?? ''
}

t.test('the policy accepts each password that a manager generates by the rules of the page', async t => {
  const random = createRandom(1)
  for (const classes of CHOICES) {
    for (const minLength of [8, 15, 64]) {
      const { html } = resetPasswordPage('/api/v1', { minLength, classes })
      const rules = parseRules(attributeOf(html, 'passwordrules'))
      t.equal(rules.minLength, minLength)
      t.equal(rules.maxLength, 256)
      for (const length of [rules.minLength, 20, rules.maxLength].filter(one => one >= minLength)) {
        const password = generate(random, rules, length)
        t.strictSame(passwordFaults({ minLength, classes, isLeaked: () => false }, password, []), [], password)
      }
    }
  }
})

t.test('no generated password of twenty characters is too close to a leaked one', async t => {
  const random = createRandom(2)
  const policy = { minLength: 8, classes: CHOICES[15] ?? [], isLeaked: createLeakedPasswords() }
  const rules = parseRules(attributeOf(resetPasswordPage('/api/v1', policy).html, 'passwordrules'))
  const passwords = Array.from({ length: 1_000 }, () => generate(random, rules, 20))
  t.strictSame(
    passwords.flatMap(password => passwordFaults(policy, password, ['ada@example.com', 'Ada', 'gatehouse'])),
    []
  )
})

t.test('the field is marked as a new password, and admits the longest that the policy accepts', async t => {
  const { html } = resetPasswordPage('/api/v1', { minLength: 8, classes: [] })
  t.equal(attributeOf(html, 'autocomplete'), 'new-password')
  t.ok(Number(attributeOf(html, 'maxlength')) >= 256)
})
