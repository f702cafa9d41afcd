/** The bounded map: it holds no more than its maximum, and keeps the entries that were used recently. */

import t from 'tap'
import { createBoundedMap } from '../../../edge/contract/bounded-map.ts'
import { between, createRandom } from '../../../local/random.ts'

t.test('get() finds the newest value of a key, and nothing after delete()', async t => {
  const map = createBoundedMap<string, number>(10)
  t.equal(map.get('a'), undefined)
  map.set('a', 1)
  map.set('a', 2)
  t.equal(map.get('a'), 2)
  map.delete('a')
  t.equal(map.get('a'), undefined)
  map.delete('never there')
})

t.test('names of object members are keys like any other', async t => {
  const map = createBoundedMap<string, number>(100)
  const keys = ['__proto__', 'constructor', 'toString', '', '\ud800', 'x'.repeat(1_000_000)]
  for (const key of keys) t.equal(map.get(key), undefined)
  for (const [i, key] of keys.entries()) map.set(key, i)
  t.strictSame(
    keys.map(key => map.get(key)),
    [0, 1, 2, 3, 4, 5]
  )
})

t.test('an entry that was used since half of the map was filled is there', async t => {
  for (const maxEntries of [2, 3, 10, 101]) {
    const map = createBoundedMap<string, number>(maxEntries)
    map.set('used', 1)
    for (let i = 0; i < 1_000; i++) {
      map.set(`new ${i}`, i)
      if (i % Math.max(1, Math.floor(maxEntries / 2) - 1) === 0 && map.get('used') !== 1) t.fail(`after ${i}`)
    }
    t.equal(map.get('new 999'), 999)
    t.equal(map.get('new 0'), undefined, 'and an unused entry has gone')
  }
})

t.test('peek() reads without pushing out another entry, however often', async t => {
  const map = createBoundedMap<string, number>(4)
  for (const [i, key] of ['a', 'b', 'c', 'd'].entries()) map.set(key, i)
  for (let round = 0; round < 10; round++) {
    t.strictSame(
      ['a', 'b', 'c', 'd', 'never there'].map(key => map.peek(key)),
      [0, 1, 2, 3, undefined]
    )
  }
  map.set('b', 9)
  t.equal(map.peek('b'), 9, 'the newest value')
  map.delete('b')
  t.equal(map.peek('b'), undefined)
})

t.test('no crowd of keys makes it hold more than it may', async t => {
  for (const maxEntries of [2, 3, 10, 1_000]) {
    const map = createBoundedMap<number, object>(maxEntries)
    const random = createRandom(maxEntries)
    const counts: number[] = []
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 500; i++) {
        const key = between(random, 0, 3_000)
        if (map.get(key) === undefined || random() < 0.2) map.set(key, {})
        if (random() < 0.1) map.delete(between(random, 0, 3_000))
      }
      counts.push(countOf(map))
    }
    t.ok(Math.max(...counts) <= maxEntries, `${Math.max(...counts)} of ${maxEntries}`)
    t.ok(Math.max(...counts) >= maxEntries / 2 - 1, 'and it is no smaller than half of that')
  }
})

t.test('an entry that was deleted does not come back with its older value', async t => {
  const map = createBoundedMap<string, number>(4)
  map.set('a', 1)
  map.set('b', 1)
  map.set('c', 1)
  map.set('a', 2)
  map.delete('a')
  t.equal(map.get('a'), undefined)
})

/** The number of keys that are there. */
function countOf(map: { get(key: number): object | undefined }): number {
  const seen = new Set<object>()
  // Reading may push out an entry that was not read yet, and never brings one back: this counts too few, not too many.
  for (let key = 0; key <= 3_000; key++) {
    const value = map.get(key)
    if (value !== undefined) seen.add(value)
  }
  return seen.size
}
