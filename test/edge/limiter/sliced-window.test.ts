/** The sliced-window rule: never too many, never longer to wait than needed. Its Lua twin is held to it in `test/parity`. */

import t from 'tap'
import { type QuotaPolicy, quotaPolicy } from '../../../edge/contract/policies.ts'
import { decide, leavesAtMs, type Slice } from '../../../edge/limiter/sliced-window.ts'
import { between, createRandom, pick, type Random } from '../lib/random.ts'

const policy: QuotaPolicy = { quota: 10, windowMs: 30_000, sliceMs: 500 }
const slices: readonly Slice[] = [
  { index: 0, count: 4 },
  { index: 1, count: 3 },
  { index: 59, count: 2 },
  { index: 60, count: 1 }
]

t.test('decide() names the first millisecond at which a refused request fits', async t => {
  let refused = 0
  for (const nowMs of [0, 1, 499, 500, 29_999, 30_000, 30_499, 30_500, 30_999, 31_000, 59_999, 60_000, 61_000]) {
    for (const cost of [1, 4, 5, 7, 10]) {
      const { allowed, retryAfterMs } = decide(policy, slices, nowMs, cost)
      if (allowed) continue
      refused++
      t.ok(decide(policy, slices, nowMs + retryAfterMs, cost).allowed, `fits after the wait: ${cost} at ${nowMs}`)
      t.notOk(decide(policy, slices, nowMs + retryAfterMs - 1, cost).allowed, 'and not a millisecond sooner')
    }
  }
  t.ok(refused > 20, `${refused} of them were refused`)
})

t.test('decide() names that millisecond for any slices, any policy and any cost', async t => {
  const random = createRandom(11)
  let refused = 0
  for (let round = 0; round < 5_000; round++) {
    const policy = randomPolicy(random)
    const nowMs = between(random, 0, 10 * policy.windowMs)
    const slices = randomSlices(random, policy, nowMs)
    const cost = between(random, 1, policy.quota)
    const { allowed, retryAfterMs, remaining } = decide(policy, slices, nowMs, cost)
    const sound = Number.isSafeInteger(remaining) && remaining >= 0 && remaining <= policy.quota
    if (!sound || allowed !== (retryAfterMs === 0))
      t.fail('a decision that contradicts itself', { policy, slices, nowMs })
    if (allowed) continue
    refused++
    const fits = decide(policy, slices, nowMs + retryAfterMs, cost).allowed
    const sooner = decide(policy, slices, nowMs + retryAfterMs - 1, cost).allowed
    if (!fits || sooner) t.fail('not the first millisecond', { policy, slices, nowMs, cost, fits, sooner })
  }
  t.ok(refused > 1_000, `${refused} of 5000 were refused`)
})

t.test(
  'decide() counts a slice until its last millisecond has left the window, and not a millisecond longer',
  async t => {
    const full = [{ index: 7, count: policy.quota }]
    const leaves = leavesAtMs(policy, 7)
    t.equal(leaves, 7 * 500 + 500 + 30_000)
    t.strictSame(decide(policy, full, leaves - 1), { allowed: false, remaining: 0, retryAfterMs: 1 })
    t.strictSame(decide(policy, full, leaves), { allowed: true, remaining: 9, retryAfterMs: 0 })
  }
)

t.test('decide() counts slices of the future like those of now', async t => {
  t.notOk(decide(policy, [{ index: 1_000_000, count: policy.quota }], 0).allowed)
})

t.test('decide() never admits what costs more than the quota, and names a whole window to wait', async t => {
  t.strictSame(decide(policy, [], 0, policy.quota + 1), {
    allowed: false,
    remaining: 10,
    retryAfterMs: policy.windowMs
  })
  t.ok(decide(policy, [], 0, policy.quota).allowed)
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
    let [asked, admitted, slices]: [number, number, Slice[]] = [0, 0, []]
    for (let atMs = 0; atMs < 20 * policy.windowMs; atMs += everyMs) {
      asked++
      slices = slices.filter(slice => leavesAtMs(policy, slice.index) > atMs)
      if (!decide(policy, slices, atMs).allowed) continue
      admitted++
      slices = debited(slices, Math.floor(atMs / policy.sliceMs))
    }
    t.ok(admitted / asked >= 0.98, `${admitted} of ${asked}`)
  }
})

/** Bursts at the worst moments that an attacker can think of; returns the times of what was admitted. */
function attack(random: Random, policy: QuotaPolicy, bursts: number): number[] {
  const admitted: number[] = []
  let slices: Slice[] = []
  let nowMs = between(random, 0, 1_000_000)
  for (let burst = 0; burst < bursts; burst++) {
    const nextSliceMs = (Math.floor(nowMs / policy.sliceMs) + 1) * policy.sliceMs
    const oldest = slices[0] ? leavesAtMs(policy, slices[0].index) : nowMs
    nowMs = Math.max(
      nowMs,
      pick(random, [
        nowMs,
        nowMs + 1,
        nextSliceMs - 1,
        nextSliceMs,
        oldest - 1,
        oldest,
        oldest + 1,
        nowMs + policy.windowMs
      ])
    )
    slices = slices.filter(slice => leavesAtMs(policy, slice.index) > nowMs)
    for (let i = between(random, 1, policy.quota + 1); i > 0; i--) {
      if (!decide(policy, slices, nowMs).allowed) break
      admitted.push(nowMs)
      slices = debited(slices, Math.floor(nowMs / policy.sliceMs))
    }
  }
  return admitted
}

function debited(slices: readonly Slice[], index: number): Slice[] {
  const last = slices.at(-1)
  return last?.index === index
    ? [...slices.slice(0, -1), { index, count: last.count + 1 }]
    : [...slices, { index, count: 1 }]
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
