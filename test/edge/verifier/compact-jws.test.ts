/** Taking a token apart, and base64url in its one spelling; what the parts must say is tested with the verifier. */

import { randomBytes } from 'node:crypto'
import t from 'tap'
import { decodeBase64url } from '../../../edge/verifier/base64url.ts'
import { parseCompactJws } from '../../../edge/verifier/compact-jws.ts'

t.test('decodeBase64url() undoes base64url of every length and of every byte', async t => {
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

t.test('decodeBase64url() refuses a length that no bytes have', async t => {
  for (const length of [1, 5, 9, 85]) t.equal(decodeBase64url('A'.repeat(length)), undefined)
})

t.test('parseCompactJws() returns the bytes of each part', async t => {
  const header = Buffer.from('{"alg":"ES256"}').toString('base64url')
  const parsed = parseCompactJws(`${header}.AQI.AwQ`)
  if (!parsed.ok) return t.fail(parsed.reason)
  t.strictSame(parsed.value, {
    unverifiedHeader: { alg: 'ES256' },
    unverifiedPayload: Uint8Array.of(1, 2),
    signingInput: new TextEncoder().encode(`${header}.AQI`),
    signature: Uint8Array.of(3, 4)
  })
})

t.test('parseCompactJws() refuses whatever is not a string', async t => {
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
