/**
 * The sliced-window rule: never too many requests, never a longer wait than needed, and no request for free by a
 * settlement. `test/parity` compares its Lua twin; `worst-case.test.ts` attacks the leases.
 *
 * Over 200 lines: one rule a test, all over one function.
 */

import t from 'tap'
import { type QuotaPolicy, quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import {
  type Ask,
  decide,
  decisionOf,
  LEASE_DIVISOR,
  leavesAtMs,
  ONE,
  type Settlement,
  type Slice
} from '../../../edge/limiter/sliced-window.ts'
import { between, createRandom, pick, type Random } from '../../../local/random.ts'

const policy: QuotaPolicy = { quota: 10, windowMs: 30_000, sliceMs: 500 }
const slices: readonly Slice[] = [
  { index: 0, count: 4 },
  { index: 1, count: 3 },
  { index: 59, count: 2 },
  { index: 60, count: 1 }
]
const T0 = 1_800_000_000_000

const ask = (changes: Partial<Ask>): Ask => ({ ...ONE, ...changes })
const one = (policy: QuotaPolicy, slices: readonly Slice[], nowMs: number) =>
  decisionOf(decide(policy, slices, ONE, nowMs).grant)
const total = (slices: readonly Slice[]) => slices.reduce((sum, { count }) => sum + count, 0)

t.test('decide() names the first millisecond at which a refused request fits', async t => {
  let refused = 0
  for (const nowMs of [0, 1, 499, 500, 29_999, 30_000, 30_499, 30_500, 30_999, 31_000, 59_999, 60_000, 61_000]) {
    const { allowed, retryAfterMs } = one(policy, slices, nowMs)
    if (allowed) continue
    refused++
    t.ok(one(policy, slices, nowMs + retryAfterMs).allowed, `fits after the wait at ${nowMs}`)
    t.notOk(one(policy, slices, nowMs + retryAfterMs - 1).allowed, 'and not a millisecond sooner')
  }
  t.ok(refused > 5, `${refused} of them were refused`)
})

t.test('decide() names that millisecond for any slices, any policy and any ask', async t => {
  const random = createRandom(11)
  let refused = 0
  for (let round = 0; round < 5_000; round++) {
    const policy = randomPolicy(random)
    const nowMs = between(random, 0, 10 * policy.windowMs)
    const slices = randomSlices(random, policy, nowMs)
    const waiting = between(random, 1, policy.quota + 1)
    const asked = ask({ waiting, want: waiting + between(random, 0, 5), lifeMs: between(random, 0, 1000) })
    const { grant, slices: after } = decide(policy, slices, asked, nowMs)
    const { granted, remaining, retryAfterMs, later } = grant
    const sound = [granted, remaining, retryAfterMs].every(value => Number.isSafeInteger(value) && value >= 0)
    if (!sound || granted + remaining > policy.quota || (remaining === 0) !== retryAfterMs > 0)
      t.fail('a grant that contradicts itself', { policy, slices, nowMs, asked, grant })
    if (granted < Math.min(waiting, granted + remaining)) t.fail('one was kept waiting while there was room', { grant })
    if (remaining > 0 || later.length > 0) continue
    refused++
    const fits = one(policy, after, nowMs + retryAfterMs).allowed
    const sooner = one(policy, after, nowMs + retryAfterMs - 1).allowed
    if (!fits || sooner) t.fail('not the first millisecond', { policy, slices, nowMs, asked, fits, sooner })
  }
  t.ok(refused > 1_000, `${refused} of 5000 left nothing`)
})

t.test('decide() counts a slice until its last millisecond has left the window, and no longer', async t => {
  const full = [{ index: 7, count: policy.quota }]
  const leaves = leavesAtMs(policy, 7)
  t.equal(leaves, 7 * 500 + 500 + 30_000)
  t.strictSame(one(policy, full, leaves - 1), { allowed: false, remaining: 0, retryAfterMs: 1 })
  t.strictSame(one(policy, full, leaves), { allowed: true, remaining: 9, retryAfterMs: 0 })
})

t.test('decide() counts slices of the future like those of now', async t => {
  t.notOk(one(policy, [{ index: 1_000_000, count: policy.quota }], 0).allowed)
})

t.test('decide() debits a lease in the slice in which it expires', async t => {
  for (const [nowMs, lifeMs, index] of [
    [0, 0, 0],
    [0, 499, 0],
    [0, 500, 1],
    [499, 1, 1],
    [T0, 3_000, T0 / 500 + 6]
  ] as const) {
    const { grant, slices } = decide(policy, [], ask({ lifeMs }), nowMs)
    t.equal(grant.index, index)
    t.strictSame(slices, [{ index, count: 1 }])
  }
})

t.test('decide() grants waiting requests all that is left, and beyond them one part in LEASE_DIVISOR', async t => {
  const granted = (waiting: number, want: number) =>
    decide(quotaPolicy(90, 60), [], ask({ waiting, want }), T0).grant.granted
  t.equal(granted(1, 90), 90 / LEASE_DIVISOR)
  t.equal(granted(1, 7), 7)
  t.equal(granted(60, 60), 60)
  t.equal(granted(60, 90), 60)
  t.equal(granted(200, 200), 90)
})

t.test('decide() grants for later what leaves the window in the first half of a life, and nothing beyond', async t => {
  const full: readonly Slice[] = [
    { index: 0, count: 4 },
    { index: 2, count: 4 },
    { index: 4, count: 2 }
  ]
  const nowMs = leavesAtMs(policy, 0) - 100
  const parts = (want: number, lifeMs: number) => decide(policy, full, ask({ want, lifeMs }), nowMs).grant.later
  t.strictSame(parts(20, 199), [], 'the first one leaves in the second half')
  t.strictSame(parts(20, 200), [{ afterMs: 100, count: 4 }])
  t.strictSame(parts(4, 200), [{ afterMs: 100, count: 3 }], 'no more than is wanted')
  t.strictSame(
    parts(1, 200),
    [],
    'nothing for a waiting request: its client is refused, and may come back to another instance'
  )
  t.strictSame(parts(7, 3_000), [
    { afterMs: 100, count: 4 },
    { afterMs: 1_100, count: 2 }
  ])
  const { grant, slices } = decide(policy, full, ask({ want: 20, lifeMs: 3_000 }), nowMs)
  t.equal(total(slices), 10 + 8, 'and all of it is debited at once')
  t.strictSame([grant.granted, grant.remaining], [0, 0])
  const lowered = decide({ ...policy, quota: 7 }, full, ask({ want: 20, lifeMs: 3_000 }), nowMs)
  t.strictSame(
    lowered.grant.later,
    [
      { afterMs: 100, count: 1 },
      { afterMs: 1_100, count: 4 }
    ],
    'what is owed to a lowered quota is paid first'
  )
})

t.test('a settlement moves or returns no more than was debited', async t => {
  const before: readonly Slice[] = [{ index: 100, count: 5 }]
  const settled = (...settlements: Settlement[]) =>
    decide({ ...policy, quota: 5 }, before, ask({ settlements, lifeMs: 1_000 }), 50_000).slices
  const all = [{ index: 100, count: 5 }]
  t.strictSame(settled({ from: 100, to: 98, count: 2 }), [
    { index: 98, count: 2 },
    { index: 100, count: 3 }
  ])
  t.strictSame(settled({ from: 100, to: 98, count: 9 }), [{ index: 98, count: 5 }])
  t.strictSame(settled({ from: 100, to: 100, count: 2 }), all)
  for (const unknown of [99, 0, 1_000_000, -1])
    t.strictSame(settled({ from: unknown, to: 98, count: 9 }), all, `nothing is in the slice ${unknown}`)
  const returned = settled({ from: 100, to: undefined, count: 2 })
  t.strictSame(returned, [
    { index: 100, count: 3 },
    { index: 102, count: 1 }
  ])
  const gone = settled({ from: 100, to: 39, count: 4 })
  t.strictSame(gone[0], { index: 100, count: 1 }, 'what fell before the window counts no longer')
})

t.test('decide() never admits more than the quota in any window, however the requests are timed', async t => {
  const random = createRandom(12)
  for (let round = 0; round < 300; round++) {
    const policy = randomPolicy(random)
    const admitted = attack(random, policy, 200)
    // Where request number `i + quota` is within a window of request `i`, that window holds one too many.
    const over = admitted.findIndex((atMs, i) => (admitted[i + policy.quota] ?? Infinity) - atMs <= policy.windowMs)
    if (over !== -1)
      t.fail('a window holds too many', { policy, admitted: admitted.slice(over, over + policy.quota + 1) })
    if (admitted.length <= policy.quota) t.fail('the attack never came around the window', { policy })
  }
  t.pass('300 policies, 200 bursts each, times chosen around the edges of slices and windows')
})

t.test('decide() leaves an honest client at the limit at least 98 of 100 requests', async t => {
  for (const policy of [quotaPolicy(600, 60), quotaPolicy(60, 60), quotaPolicy(1000, 3600)]) {
    const everyMs = policy.windowMs / policy.quota
    let [asked, admitted, slices]: [number, number, readonly Slice[]] = [0, 0, []]
    for (let atMs = 0; atMs < 20 * policy.windowMs; atMs += everyMs) {
      asked++
      const decided = decide(policy, slices, ONE, atMs)
      slices = decided.slices
      admitted += decided.grant.granted
    }
    t.ok(admitted / asked >= 0.98, `${admitted} of ${asked}`)
  }
})

/** Bursts at the worst moments for a quota. Returns the times of the admitted requests. */
function attack(random: Random, policy: QuotaPolicy, bursts: number): number[] {
  const admitted: number[] = []
  let slices: readonly Slice[] = []
  let nowMs = between(random, 0, 1_000_000)
  for (let burst = 0; burst < bursts; burst++) {
    const nextSliceMs = (Math.floor(nowMs / policy.sliceMs) + 1) * policy.sliceMs
    const oldest = slices[0] ? leavesAtMs(policy, slices[0].index) : nowMs
    const choices = [nowMs, nowMs + 1, nextSliceMs - 1, nextSliceMs, oldest - 1, oldest, oldest + 1] as const
    nowMs = Math.max(nowMs, pick(random, [...choices, nowMs + policy.windowMs]))
    for (let i = between(random, 1, policy.quota + 1); i > 0; i--) {
      const decided = decide(policy, slices, ONE, nowMs)
      slices = decided.slices
      if (decided.grant.granted === 0) break
      admitted.push(nowMs)
    }
  }
  return admitted
}

function randomPolicy(random: Random): QuotaPolicy {
  const windowMs = pick(random, [1, 10, 1000, 1001, 60_000, 3_600_000])
  return { quota: between(random, 1, 20), windowMs, sliceMs: between(random, 1, Math.max(1, Math.floor(windowMs / 3))) }
}

/** Slices as a store may hold them at `nowMs`: old ones too, never more than the quota in all. */
function randomSlices(random: Random, policy: QuotaPolicy, nowMs: number): Slice[] {
  const indexes = new Set<number>()
  for (let i = between(random, 0, 8); i > 0; i--) {
    indexes.add(Math.floor((nowMs - between(random, -1000, 2 * policy.windowMs)) / policy.sliceMs))
  }
  let left = policy.quota
  const slices: Slice[] = []
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const count = between(random, 0, left)
    if (count > 0) slices.push({ index, count })
    left -= count
  }
  return slices
}
