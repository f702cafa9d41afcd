/** UUIDs: their one accepted spelling, and their order by time. */

import { randomUUID } from 'node:crypto'
import t from 'tap'
import { isUuid, uuidV7 } from '../../../edge/contract/uuid.ts'

const ZEROS = '00000000-0000-4000-8000-000000000000'
const ONES = 'ffffffff-ffff-4fff-bfff-ffffffffffff'

t.test('uuidV7() has time, version and variant in the places of RFC 9562 §5.7', async t => {
  // The example of RFC 9562 appendix A.6.
  const random = 'deadbeef-dead-4cc3-98c4-dc0c0c07398f'
  t.equal(uuidV7(0x017f22e279b0, random), '017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
  t.equal(uuidV7(0, ZEROS), '00000000-0000-7000-8000-000000000000')
  t.equal(uuidV7(2 ** 48 - 1, ONES), 'ffffffff-ffff-7fff-bfff-ffffffffffff')
})

t.test('uuidV7() sorts by time, whatever the random bytes', async t => {
  for (const nowMs of [0, 1, 255, 256, 65_535, 1_800_000_000_000]) {
    t.ok(uuidV7(nowMs, ONES) < uuidV7(nowMs + 1, ZEROS), String(nowMs))
  }
})

t.test('uuidV7() keeps 74 random bits: twelve before the variant, and all after it', async t => {
  const made = Array.from({ length: 200 }, () => uuidV7(0, randomUUID()))
  t.equal(new Set(made).size, made.length)
  const taken = [15, 16, 17, 19, 20, 21, 22, ...Array.from({ length: 12 }, (_, i) => 24 + i)]
  for (const place of taken) t.ok(new Set(made.map(id => id[place])).size > 1, `digit ${place}`)
})

t.test('isUuid() accepts the result of uuidV7(), in one spelling only', async t => {
  const id = uuidV7(1_800_000_000_000, ONES)
  t.ok(isUuid(id))
  const upper = id.toUpperCase()
  const others = [
    upper,
    `{${id}}`,
    `${id}\n`,
    ` ${id}`,
    id.replaceAll('-', ''),
    `urn:uuid:${id}`,
    id.slice(1),
    `${id}0`
  ]
  for (const text of others) t.notOk(isUuid(text), JSON.stringify(text))
})

t.test('isUuid() refuses other versions, other variants and other types', async t => {
  const spelt = (version: string, variant: string) => `01999999-9999-${version}999-${variant}999-999999999999`
  for (const version of ['0', '9', 'a', 'f']) t.notOk(isUuid(spelt(version, '8')), version)
  for (const variant of ['0', '7', 'c', 'f']) t.notOk(isUuid(spelt('7', variant)), variant)
  for (const value of [undefined, null, 7, '', '__proto__', [spelt('7', '8')], { toString: () => spelt('7', '8') }]) {
    t.notOk(isUuid(value), String(value))
  }
})

t.test('isUuid() accepts in each place exactly the characters of RFC 9562', async t => {
  const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
  const id = uuidV7(1_800_000_000_000, ONES)
  for (let place = 0; place < id.length; place += 1) {
    for (let code = 0; code < 0x10000; code += code < 0x500 ? 1 : 0x65) {
      const text = id.slice(0, place) + String.fromCharCode(code) + id.slice(place + 1)
      if (isUuid(text) !== pattern.test(text)) t.fail(`U+${code.toString(16)} in place ${place}`)
    }
  }
  t.pass('36 places')
})
