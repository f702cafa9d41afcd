/** Identifiers: their one spelling, and their order by time. */

import t from 'tap'
import { isUuid, uuidV7 } from '../../../edge/contract/uuid.ts'

const ZEROS = new Uint8Array(10)
const ONES = new Uint8Array(10).fill(255)

t.test('uuidV7() carries time, version and variant where RFC 9562 §5.7 has them', async t => {
  // The example of RFC 9562 appendix A.6.
  const random = Uint8Array.from([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f])
  t.equal(uuidV7(0x017f22e279b0, random), '017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
  t.equal(uuidV7(0, ZEROS), '00000000-0000-7000-8000-000000000000')
  t.equal(uuidV7(2 ** 48 - 1, ONES), 'ffffffff-ffff-7fff-bfff-ffffffffffff')
})

t.test('uuidV7() sorts by time, whatever the random bytes', async t => {
  for (const nowMs of [0, 1, 255, 256, 65_535, 1_800_000_000_000]) {
    t.ok(uuidV7(nowMs, ONES) < uuidV7(nowMs + 1, ZEROS), String(nowMs))
  }
})

t.test('uuidV7() keeps 74 of the 80 random bits', async t => {
  const ids = new Set<string>()
  for (let bit = 0; bit < 80; bit++) ids.add(uuidV7(0, ZEROS.with(bit >> 3, 1 << (bit & 7))))
  t.equal(ids.size, 75, '74 bits that show, and six that do not')
})

t.test('isUuid() accepts what uuidV7() makes, and one spelling only', async t => {
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
