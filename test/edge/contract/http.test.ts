/** Bearer tokens in a header, and the challenge for a request without a valid one. */

import t from 'tap'
import { bearerChallenge, parseBearer } from '../../../edge/contract/http.ts'

t.test('parseBearer() finds the token, whatever the case of the scheme and the number of spaces', async t => {
  for (const header of ['Bearer abc', 'bearer abc', 'BEARER abc', 'bEaReR abc', 'Bearer   abc']) {
    t.strictSame(parseBearer(header), { kind: 'token', token: 'abc' }, header)
  }
})

t.test('parseBearer() returns every b64token of RFC 6750 §2.1 unchanged', async t => {
  for (const token of ['a', 'A.b-c_d', 'a~b+c/d', 'abc=', 'abc==', '.', '..', 'x'.repeat(100_000)]) {
    t.strictSame(parseBearer(`Bearer ${token}`), { kind: 'token', token }, token.slice(0, 20))
  }
})

t.test('parseBearer() tells a missing header from an invalid one', async t => {
  for (const header of [undefined, null, '']) t.strictSame(parseBearer(header), { kind: 'missing' })
  // biome-ignore format: one value a line would hide the list
  const hostile = [
    ' ', 'Bearer', 'Bearer ', 'Bearer  ', 'Bearerabc', 'Bearer\tabc', 'Bearer\u00a0abc', ' Bearer abc', 'Bearer abc ',
    'Bearer abc def', 'Bearer abc, Bearer def', 'Bearer abc,def', 'Bearer "abc"', 'Bearer a,', 'Basic abc',
    'Basic abc, Bearer def', 'Token abc', 'DPoP abc', 'abc', 'Bearer: abc', 'Bearer abc\n', 'Bearer abc\0', 'Bearer äbc',
    'Bearer abc;x', 'Bearer %61', 'Bearer \ud800', '__proto__', 'xBearer abc', 'Bearer Bearer abc'
  ]
  for (const header of hostile) t.strictSame(parseBearer(header), { kind: 'invalid' }, JSON.stringify(header))
})

t.test('bearerChallenge() names an error only where a token was presented (RFC 6750 §3)', async t => {
  t.equal(bearerChallenge('token-missing'), 'Bearer')
  for (const code of ['token-invalid', 'token-expired', 'session-ended']) {
    t.equal(bearerChallenge(code), 'Bearer error="invalid_token"')
  }
})
