/** Reads of the feed: the call, and the replies that are accepted. */

import t from 'tap'
import { REVOCATION_KEY } from '../../../edge/contract/redis-keys.ts'
import { parseDelta, readCall } from '../../../edge/revocation/read-call.ts'
import { readScript } from '../../../edge/revocation/script.ts'

/** An epoch. */
const E = '01a1fc90-5540-7581-a8d9-be172b2131fe'

t.test('readCall() reads from the cursor on, or everything, within its maximum', async t => {
  t.match(readCall(undefined), { script: readScript, keys: [REVOCATION_KEY], args: ['-inf', 2_000] })
  t.match(readCall(7), { args: [7, 2_000] })
  t.match(readCall(0, 3), { args: [0, 3] })
})

t.test('parseDelta() reads the epoch, whether there are more entries, and the entries', async t => {
  t.strictSame(parseDelta(['', '0']), { epoch: '', hasMore: false, ended: [] })
  t.strictSame(parseDelta([E, '1', 'a', '1000', 'key:k', '1800000000000']), {
    epoch: E,
    hasMore: true,
    ended: [
      { entry: 'a', publishedAtMs: 1000 },
      { entry: 'key:k', publishedAtMs: 1_800_000_000_000 }
    ]
  })
})

t.test('parseDelta() throws on every invalid reply', async t => {
  // biome-ignore format: one value a line would hide the list
  const nonsense: readonly unknown[] = [
    undefined, null, '', 'OK', 0, true, {}, [], [''], [E, ''], [E, '2'], [E, 1], [E, '0', 'sid'],
    [E, '0', 'sid', ''], [E, '0', 'sid', 'when'], [E, '0', 'sid', 'NaN'], [E, '0', 'sid', 'Infinity'],
    [E, '0', 'sid', 7], [E, '0', 7, '7'], [E, '0', null, '7'], [null, '0'], [[E, '0']], [E, '0', 'a', '1', 'b'],
    ['e', '0'], ['0', '0'], [E.toUpperCase(), '0'], [`epoch:${E}`, '0']
  ]
  for (const reply of nonsense)
    t.throws(() => parseDelta(reply), { name: 'StoreError', message: /an epoch and entries$/ }, JSON.stringify(reply))
})
