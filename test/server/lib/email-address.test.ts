/** Mail addresses: one canonical form for what is good, nothing at all for what is hostile. */

import t from 'tap'
import { parseEmailAddress } from '../../../server/lib/email-address.ts'

const local64 = 'l'.repeat(64)
/** A domain of exactly `length` characters, of labels of at most 63. */
const domainOf = (length: number) => `${'d'.repeat(63)}.${'d'.repeat(63)}.${'d'.repeat(length - 128 - 4)}.com`

t.test('a good address comes out in its one canonical form', async t => {
  const table: readonly [string, string][] = [
    ['ada@example.com', 'ada@example.com'],
    ['  ada@example.com\r\n', 'ada@example.com'],
    ['Ada.Lovelace@Example.COM', 'ada.lovelace@example.com'],
    ['ada+tag@example.com', 'ada+tag@example.com'],
    ["o'brien@example.com", "o'brien@example.com"],
    ['a@b.co', 'a@b.co'],
    ['ada@sub.sub.example.co.uk', 'ada@sub.sub.example.co.uk'],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ada@BÜCHER.example', 'ada@xn--bcher-kva.example'],
    ['ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
    ['ada@ｅxample.com', 'ada@example.com'],
    ['J\u00fcrgen@example.com', 'j\u00fcrgen@example.com'],
    ['Ju\u0308rgen@example.com', 'j\u00fcrgen@example.com'],
    ['пример@пример.рф', 'пример@xn--e1afmkfd.xn--p1ai'],
    ['\u212aate@example.com', 'kate@example.com'],
    [`${local64}@example.com`, `${local64}@example.com`],
    [`${local64}@${domainOf(189)}`, `${local64}@${domainOf(189)}`]
  ]
  for (const [text, canonical] of table) t.equal(parseEmailAddress(text), canonical, JSON.stringify(text.slice(0, 60)))
})

t.test('a canonical form is its own canonical form', async t => {
  for (const text of ['ADA@Bücher.Example', 'İstanbul@example.com', 'ΣΑΣ@example.com', 'Ju\u0308rgen@example.com']) {
    const once = parseEmailAddress(text)
    t.equal(parseEmailAddress(once ?? ''), once, text)
  }
})

t.test('what is not one plain address is refused', async t => {
  const hostile = [
    '',
    ' ',
    '@',
    'ada',
    'ada@',
    '@example.com',
    'a@b@c',
    'a@b@example.com',
    'ada@example.com,eve@example.com',
    'ada@example.com, eve@example.com',
    'ada@example.com;eve@example.com',
    'ada@example.com eve@example.com',
    'Ada <ada@example.com>',
    '<ada@example.com>',
    '"ada"@example.com',
    '"ada eve"@example.com',
    'ada(comment)@example.com',
    'ada@(comment)example.com',
    'ada@example.com(comment)',
    'friends:ada@example.com;',
    'ada@[127.0.0.1]',
    'ada@[IPv6:::1]',
    'ada@127.0.0.1',
    'ada@1.2.3.0x7f',
    'ada@2130706433',
    'ada@localhost',
    'ada@example.com\r\nBcc: eve@example.com',
    'ada\r\n@example.com',
    'ada\n@example.com',
    'ada\0@example.com',
    'ada\u0007@example.com',
    'ada\t@example.com',
    'ada @example.com',
    'ada@ example.com',
    'ada\u00a0x@example.com',
    'ada\\@example.com',
    '.ada@example.com',
    'ada.@example.com',
    'ada..eve@example.com',
    'ada@.example.com',
    'ada@example.com.',
    'ada@example..com',
    'ada@-example.com',
    'ada@example-.com',
    'ada@example.-com',
    'ada@example.com-',
    'ada@example.c',
    'ada@exa_mple.com',
    'ada@exam%70le.com',
    'ada@example%2ecom',
    'ada@example.com/x',
    'ada@example.com:25',
    'ada@example.com?x',
    'ada@example.com#x',
    'ada@eve:x@example.com',
    'ada@example\u3002com',
    'ada@example\uff0ecom',
    'ada\uff20example.com',
    'ａda@example.com',
    'ada\u200d@example.com',
    'a\u200bda@example.com',
    'a\u2060da@example.com',
    'a\u00adda@example.com',
    'a\u034fda@example.com',
    'a\ufe0fda@example.com',
    'a\u115fda@example.com',
    '\u202eada@example.com',
    'ada@exam\u00adple.com',
    'ada@exam\u200dple.com',
    'ada@exam\u200bple.com',
    '\ufb01le@example.com',
    'a\u017fa@example.com',
    'ada\u00b2@example.com',
    'ada@xn--.com',
    'ada@xn--a.com',
    'ada@xn--ls8h.la',
    'ada@xn--bcher-kva8445foa.example',
    '\ud800@example.com',
    'ada@\udfff.com',
    `l${local64}@example.com`,
    `${'ü'.repeat(33)}@example.com`,
    `ada@${'d'.repeat(64)}.com`,
    `${local64}@${domainOf(190)}`,
    `a@${'d.'.repeat(126)}com`,
    'a'.repeat(1_000_000)
  ]
  for (const text of hostile) t.equal(parseEmailAddress(text), undefined, JSON.stringify(text.slice(0, 60)))
})

t.test('254 characters are an address and 255 are none', async t => {
  const longest = `${local64}@${domainOf(189)}`
  t.equal(longest.length, 254)
  t.ok(parseEmailAddress(longest))
  t.equal(parseEmailAddress(`${local64}@${domainOf(190)}`), undefined)
})
