/** The strict JSON parser beside `JSON.parse`; the content of a token is tested with the verifier. */

import t from 'tap'
import { isJsonMembers, member, parseJsonMembers } from '../../../edge/verifier/json-members.ts'

const parse = (text: string) => parseJsonMembers(Buffer.from(text))

t.test('parseJsonMembers() agrees with JSON.parse on unambiguous text', async t => {
  const texts = [
    '{}',
    ' \t\r\n{ } ',
    '{"a":1,"b":[true,false,null,-1.5e3,"x"],"c":{"a":1}}',
    '{"a":"\\"","b":"\\\\","c":"\\\\\\"","d":"\\u0022:{["}',
    '{"a":"{\\"a\\":1,\\"a\\":2}","b":"]}"}',
    '{"\\ud83d\\ude00":1,"":2}',
    '{"a":"\u2028\u2029","b":"\u007f"}',
    '{"a":[{"x":1},{"x":2},[{"x":3}]],"x":4}'
  ]
  for (const [index, text] of texts.entries()) {
    t.strictSame(parse(text), { ok: true, value: JSON.parse(text) }, `text ${index}`)
  }
})

t.test('parseJsonMembers() finds a duplicate however its name is written', async t => {
  const texts = [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":1}',
    '{"\\u0061":1,"a":1}',
    '{"a":1 , "a" : 1}',
    '{"\\\\":1,"\\u005c":1}',
    '{"\\"":1,"\\u0022":1}',
    '{"\\/":1,"/":1}',
    '{"é":1,"\\u00e9":1}',
    '{"":1,"":1}',
    '{"__proto__":1,"__proto__":1}',
    '{"a":{"b":[{"c":1,"c":1}]}}',
    '{"a":[],"b":{},"a":"\\\\"}'
  ]
  for (const text of texts) t.strictSame(parse(text), { ok: false, reason: 'a duplicate member' }, text)
})

t.test('parseJsonMembers() finds the end of a string after any number of backslashes', async t => {
  for (let pairs = 0; pairs < 5; pairs += 1) {
    const even = '\\\\'.repeat(pairs)
    for (const text of [`${even}`, `${even}\\"`, `${even}\\":{[`, `\\"${even}\\"`]) {
      t.strictSame(parse(`{"a":"${text}","${text}b":1}`), {
        ok: true,
        value: JSON.parse(`{"a":"${text}","${text}b":1}`)
      })
      t.notOk(parse(`{"a":"${text}","a":1}`).ok, text)
      t.notOk(parse(`{"${text}b":1,"${text}b":1}`).ok, text)
    }
  }
})

t.test('parseJsonMembers() finds a duplicate however deep it is', async t => {
  for (let depth = 1; depth < 16; depth += 1) {
    const within = (inner: string) => `${'{"a":'.repeat(depth - 1)}${inner}${'}'.repeat(depth - 1)}`
    t.ok(parse(within('{"b":1,"c":1}')).ok, `depth ${depth}`)
    t.strictSame(parse(within('{"b":1,"b":1}')), { ok: false, reason: 'a duplicate member' }, `depth ${depth}`)
  }
  t.notOk(parse('{"a":{"x":1},"a":1}').ok, 'a nested value that was dropped')
})

t.test('parseJsonMembers() accepts equal values, and equal names in different objects', async t => {
  for (const text of ['{"a":"a","b":"a"}', '{"a":{"a":{"a":1}}}', '{"a":["a","a"]}', '{"é":1,"e\u0301":2}']) {
    t.ok(parse(text).ok, text)
  }
})

t.test('parseJsonMembers() accepts sixteen levels and no more', async t => {
  const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
  t.ok(parse(nested(16)).ok)
  t.strictSame(parse(nested(17)), { ok: false, reason: 'nested too deeply' })
  t.notOk(parse(nested(1_000_000)).ok, 'a bomb is refused, not a crash')
})

t.test('parseJsonMembers() reads a megabyte of one string in one pass', async t => {
  const backslashes = '\\\\'.repeat(500_000)
  t.ok(parse(`{"a":"${backslashes}"}`).ok)
  t.notOk(parse(`{"a":"${backslashes}\\"}`).ok)
})

t.test('parseJsonMembers() never quotes its input in a reason', async t => {
  for (const text of ['{"secret":1,}', '{"secret":1,"secret":1}', '["secret"]', '{"secret":"\\ud800"}', 'secret']) {
    const result = parse(text)
    t.notOk(result.ok)
    t.notMatch(result, { reason: /secret/ })
  }
})

t.test('member() sees own members only', async t => {
  const parsed = parse('{"a":1,"__proto__":{"b":2}}')
  if (!parsed.ok) return t.fail(parsed.reason)
  t.equal(member(parsed.value, 'a'), 1)
  t.strictSame(member(parsed.value, '__proto__'), { b: 2 })
  for (const name of ['b', 'constructor', 'toString', 'hasOwnProperty']) t.equal(member(parsed.value, name), undefined)
})

t.test('isJsonMembers() is true of objects only', async t => {
  t.ok(isJsonMembers({}))
  for (const value of [null, undefined, [], 'x', 1, true]) t.notOk(isJsonMembers(value))
})
