/** The quota call, and its reply: only a reply that the ask can have got is a grant. */

import t from 'tap'
import { quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { parseGrant, quotaCall } from '../../../edge/limiter/quota-call.ts'
import { slicedWindowScript } from '../../../edge/limiter/script.ts'
import { type Ask, decide, type Slice } from '../../../edge/limiter/sliced-window.ts'
import { between, createRandom } from '../lib/random.ts'

const policy = quotaPolicy(10, 60)
const NOW_MS = 1_800_000_000_000
const ask: Ask = { waiting: 2, want: 5, lifeMs: 1_000, settlements: [] }
const INDEX = (NOW_MS + 1_000) / 500

t.test('quotaCall() lists the quota, the ask and the settlements, and leaves the time to Redis', async t => {
  const settlements = [
    { from: 7, to: 5, count: 2 },
    { from: 7, to: undefined, count: 1 }
  ]
  t.strictSame(quotaCall('key', policy, { ...ask, settlements }), {
    script: slicedWindowScript,
    keys: ['key'],
    args: [10, 60_000, 500, 2, 5, 1_000, '', 7, 5, 2, 7, '', 1]
  })
  t.strictSame(quotaCall('key', policy, ask, 9).args, [10, 60_000, 500, 2, 5, 1_000, 9])
})

t.test('parseGrant() reads grants, with parts for later and without', async t => {
  t.strictSame(parseGrant([2, 8, 0, INDEX, NOW_MS], policy, ask), {
    grant: { granted: 2, later: [], remaining: 8, retryAfterMs: 0, index: INDEX },
    redisNowMs: NOW_MS
  })
  t.strictSame(parseGrant([0, 0, 77, INDEX, NOW_MS, 77, 1, 400, 3], policy, ask).grant, {
    granted: 0,
    later: [
      { afterMs: 77, count: 1 },
      { afterMs: 400, count: 3 }
    ],
    remaining: 0,
    retryAfterMs: 77,
    index: INDEX
  })
})

t.test('parseGrant() accepts every grant of decide()', async t => {
  const random = createRandom(41)
  let slices: readonly Slice[] = []
  for (let i = 0, nowMs = NOW_MS; i < 5_000; i++, nowMs += between(random, 0, 3_000)) {
    const waiting = between(random, 1, 12)
    const ask = { waiting, want: waiting + between(random, 0, 8), lifeMs: between(random, 0, 6_000), settlements: [] }
    const lowered = { ...policy, quota: between(random, 1, 10) }
    const decided = decide(lowered, slices, ask, nowMs)
    slices = decided.slices
    const { granted, remaining, retryAfterMs, index, later } = decided.grant
    const reply = [granted, remaining, retryAfterMs, index, nowMs, ...later.flatMap(one => [one.afterMs, one.count])]
    if (JSON.stringify(parseGrant(reply, lowered, ask).grant) !== JSON.stringify(decided.grant)) t.fail('another grant')
  }
  t.pass('5000 grants')
})

const HEAD = [2, 8, 0, INDEX, NOW_MS]
const REFUSAL = [0, 0, 77, INDEX, NOW_MS]

/** Replies that our script cannot give to this ask. */
const NONSENSE: Readonly<Record<string, unknown>> = {
  nothing: undefined,
  null: null,
  'a text': 'OK',
  'a number': 1,
  'an object': { 0: 2, length: 5 },
  'an empty list': [],
  'too short': HEAD.slice(0, 4),
  'half of a part for later': [...HEAD, 77],
  'texts for numbers': HEAD.map(String),
  'a list within': [HEAD],
  'a list of nulls': [null, null, null, null, null],
  'true for one': [true, 8, 0, INDEX, NOW_MS],
  'a fraction': [2, 7.5, 0, INDEX, NOW_MS],
  NaN: [2, Number.NaN, 0, INDEX, NOW_MS],
  Infinity: [2, Number.POSITIVE_INFINITY, 0, INDEX, NOW_MS],
  'too large to be whole': [2, 8, 0, INDEX, 2 ** 53],
  'less than nothing granted': [-1, 8, 0, INDEX, NOW_MS],
  'less than nothing left': [2, -1, 5, INDEX, NOW_MS],
  'more granted than wanted': [6, 4, 0, INDEX, NOW_MS],
  'more granted than the quota': [11, 0, 5, INDEX, NOW_MS],
  'more left than the quota': [2, 9, 0, INDEX, NOW_MS],
  'left, and to wait': [2, 8, 5, INDEX, NOW_MS],
  'nothing left, and not to wait': [2, 0, 0, INDEX, NOW_MS],
  'a request kept waiting though there is room': [1, 5, 0, INDEX, NOW_MS],
  'nothing granted though there is room': [0, 5, 0, INDEX, NOW_MS],
  'more for later than wanted': [...REFUSAL, 77, 6],
  'more in all than wanted': [2, 0, 5, INDEX, NOW_MS, 77, 4],
  'a part for later, at once': [...REFUSAL, 0, 3],
  'a part for later of nothing': [...REFUSAL, 77, 0],
  'a part for after the lease': [...REFUSAL, 1_001, 3],
  'a debit before the lease expires': [2, 8, 0, INDEX - 1, NOW_MS],
  'a debit after the lease expires': [2, 8, 0, INDEX + 1, NOW_MS]
}

for (const [what, reply] of Object.entries(NONSENSE)) {
  t.test(`parseGrant() refuses an invalid reply: ${what}`, async t => {
    t.throws(() => parseGrant(reply, policy, ask), { name: 'StoreError', message: /invalid grant$/ })
  })
}

t.test('parseGrant() refuses a grant of more than the quota, however many requests wait', async t => {
  const crowd = { ...ask, waiting: 50, want: 50 }
  t.strictSame(parseGrant([...REFUSAL, 77, 10], policy, crowd).grant.later, [{ afterMs: 77, count: 10 }])
  t.throws(() => parseGrant([...REFUSAL, 77, 11], policy, crowd), { name: 'StoreError' })
})
