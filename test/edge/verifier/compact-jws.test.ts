/** The parser of compact tokens, and canonical base64url; the content of the parts is tested with the verifier. */

import { randomBytes } from 'node:crypto'
import t from 'tap'
import { decodeBase64url, decodeBase64urlInto } from '../../../edge/verifier/base64url.ts'
import { parseCompactJws } from '../../../edge/verifier/compact-jws.ts'

t.test('decodeBase64url() decodes base64url of every length and every byte', async t => {
  for (let length = 0; length < 100; length += 1) {
    const bytes = randomBytes(length)
    t.strictSame(decodeBase64url(bytes.toString('base64url')), new Uint8Array(bytes), `${length} bytes`)
  }
  const all = Uint8Array.from({ length: 256 }, (_, value) => value)
  t.strictSame(decodeBase64url(Buffer.from(all).toString('base64url')), all)
})

t.test('decodeBase64url() accepts exactly one spelling of each byte, and of each pair', async t => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const accepted = new Set<string>()
  for (const first of alphabet) {
    for (const second of alphabet) if (decodeBase64url(first + second)) accepted.add(first + second)
  }
  t.equal(accepted.size, 256)

  const lastOfThree = [...alphabet].filter(third => decodeBase64url(`AA${third}`))
  t.equal(lastOfThree.length, 16)
})

t.test('decodeBase64url() refuses every character outside of its alphabet', async t => {
  const inside = /^[\w-]$/
  for (let code = 0; code < 0x250; code += 1) {
    const character = String.fromCharCode(code)
    t.equal(decodeBase64url(`AAA${character}`) !== undefined, inside.test(character), `U+${code.toString(16)}`)
  }
  for (const character of ['\uff21', '\ud800', '\ufeff']) t.equal(decodeBase64url(`AAA${character}`), undefined)
})

t.test('decodeBase64url() refuses an impossible length', async t => {
  for (const length of [1, 5, 9, 85]) t.equal(decodeBase64url('A'.repeat(length)), undefined)
})

t.test('decodeBase64urlInto() reads and writes no more than its part', async t => {
  const text = Buffer.from('!!!!AQIDBA!!!!')
  const target = new Uint8Array(8).fill(0xee)
  t.equal(decodeBase64urlInto(target, text, 4, 10), 4)
  t.strictSame([...target], [1, 2, 3, 4, 0xee, 0xee, 0xee, 0xee])
  t.equal(decodeBase64urlInto(target, text, 4, 11), undefined)
  t.equal(decodeBase64urlInto(target, text, 3, 10), undefined)
  t.equal(decodeBase64urlInto(target, text, 4, 4), 0)
})

const encode = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')
const [header, payload, signature] = [encode('{"alg":"ES256"}'), encode('{"name":"é"}'), encode('signed')]
const token = `${header}.${payload}.${signature}`

t.test('parseCompactJws() returns each part, the payload as text', async t => {
  t.strictSame(parseCompactJws(token), {
    ok: true,
    value: {
      unverifiedHeader: header,
      unverifiedPayload: '{"name":"é"}',
      signingInput: `${header}.${payload}`,
      signature: new Uint8Array(Buffer.from('signed'))
    }
  })
})

t.test('parseCompactJws() returns nothing that the next token changes', async t => {
  const first = parseCompactJws(token)
  const expected = structuredClone(first)
  parseCompactJws(`${header}.${encode('x'.repeat(1000))}.${encode(new Uint8Array(64).fill(1))}`)
  t.strictSame(first, expected)
  t.strictSame(parseCompactJws(token), expected, 'nor does a longer one leave anything behind')
})

t.test('parseCompactJws() refuses every character outside of ASCII, wherever it stands', async t => {
  for (let index = 0; index < token.length; index += 1) {
    for (const offset of [0x80, 0x100, 0x400, 0x1000, 0xff00]) {
      const alias = String.fromCharCode(token.charCodeAt(index) + offset)
      const changed = token.slice(0, index) + alias + token.slice(index + 1)
      if (parseCompactJws(changed).ok) t.fail(`character ${index} + ${offset}`)
    }
  }
  t.pass('all refused')
})

t.test('parseCompactJws() accepts 4096 bytes and no more, however they are counted', async t => {
  const ofLength = (length: number) => `${token.slice(0, -8)}${'A'.repeat(length - token.length + 8)}`
  t.equal(ofLength(4096).length, 4096)
  t.ok(parseCompactJws(ofLength(4096)).ok)
  t.match(parseCompactJws(ofLength(4097)), { ok: false, reason: /longer than 4096 bytes/ })
  for (const character of ['é', '€', '\ud800']) {
    for (const wide of [character + ofLength(4095), ofLength(4095) + character, ofLength(4094) + character]) {
      t.match(parseCompactJws(wide), { ok: false, reason: 'the token is not ASCII' })
    }
  }
})

t.test('parseCompactJws() refuses a payload that is not valid UTF-8', async t => {
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
    const refused = { ok: false, reason: 'the payload is not valid UTF-8' }
    t.strictSame(parseCompactJws(`${header}.${encode(Uint8Array.from(bytes))}.AA`), refused)
  }
})

t.test('parseCompactJws() refuses every value that is not a string', async t => {
  for (const value of [
    undefined,
    null,
    1,
    Number.NaN,
    true,
    {},
    [],
    ['a.b.c'],
    new String('a.b.c'),
    Buffer.from('a.b.c')
  ]) {
    t.strictSame(parseCompactJws(value), { ok: false, reason: 'the token is not a string' })
  }
})
