/** The clients of the quota scenario, and how the worst window is found. */

import t from 'tap'
import {
  askGreedily,
  askHonestly,
  attack,
  type DrivenClock,
  mostInAnyWindow,
  type QuotaInstance,
  type Traffic
} from '../../bench/lib/quota-traffic.ts'

const WINDOW_MS = 60_000
const halfway = () => 0.5

/** A limiter in which `decide` answers each request. */
function trafficTo(decide: QuotaInstance['charge'], clock: DrivenClock, quota = 60, instances = 1): Traffic {
  return { quota, windowMs: WINDOW_MS, clock, instances: Array.from({ length: instances }, () => ({ charge: decide })) }
}

const allow = async () => ({ allowed: true, retryAfterMs: 0 })

/** A counter that starts anew with each clock window. */
function fixedWindow(quota: number, clock: DrivenClock): QuotaInstance['charge'] {
  const counts = new Map<number, number>()
  return async () => {
    const window = Math.floor(clock.nowMs / WINDOW_MS)
    const count = (counts.get(window) ?? 0) + 1
    counts.set(window, count)
    return { allowed: count <= quota, retryAfterMs: (window + 1) * WINDOW_MS - clock.nowMs }
  }
}

t.test('mostInAnyWindow() finds the fullest window, wherever it begins', async t => {
  t.equal(mostInAnyWindow([], WINDOW_MS), 0)
  t.equal(mostInAnyWindow([0, 30_000, 59_999], WINDOW_MS), 3)
  t.equal(mostInAnyWindow([0, 30_000, 60_000], WINDOW_MS), 2, 'the first moment of the next window is not in it')
  t.equal(mostInAnyWindow([0, 59_000, 59_500, 60_500, 118_000], WINDOW_MS), 4, 'and a window may begin at any time')
})

t.test('an honest client asks once per turn, and for no more than its quota', async t => {
  const clock = { nowMs: 0 }
  const { admittedAtMs, due } = await askHonestly(trafficTo(allow, clock), {
    windows: 2,
    random: halfway,
    waitUnitMs: 1
  })
  t.equal(due, 120)
  t.equal(admittedAtMs.length, due)
  t.strictSame(admittedAtMs.slice(0, 3), [500, 1_500, 2_500])
})

t.test('an honest client loses the turns in which it has to wait, and does not make up for them', async t => {
  for (const { waitUnitMs, nextMs, asked } of [
    { waitUnitMs: 1, nextMs: 2_500, asked: 59 },
    { waitUnitMs: 1_000, nextMs: 3_500, asked: 58 }
  ]) {
    const clock = { nowMs: 0 }
    const askedAtMs: number[] = []
    const refuseOnce = async () => {
      askedAtMs.push(clock.nowMs)
      return { allowed: askedAtMs.length > 1, retryAfterMs: 1_100 }
    }
    // The first falls late in its turn.
    const random = () => (askedAtMs.length === 0 ? 0.9 : 0.5)
    await askHonestly(trafficTo(refuseOnce, clock), { windows: 1, random, waitUnitMs })
    t.strictSame([askedAtMs[0], askedAtMs[1], askedAtMs.length], [900, nextMs, asked])
  }
})

t.test('a greedy client asks for ten times the quota and ignores waits', async t => {
  const clock = { nowMs: 0 }
  const charge = fixedWindow(60, clock)
  const { admittedAtMs, due } = await askGreedily(trafficTo(charge, clock, 60, 4), 3)
  t.equal(due, 180)
  t.equal(admittedAtMs.length, due)
})

t.test('attack() gets twice the quota from a clock-window counter, and the quota from an exact one', async t => {
  const clock = { nowMs: 17_321 }
  let charge = fixedWindow(60, clock)
  const renewed = () => {
    charge = fixedWindow(60, clock)
  }
  t.equal(
    await attack(
      trafficTo(() => charge(), clock, 60, 4),
      renewed
    ),
    120
  )

  let admittedAtMs: number[] = []
  const exact = async () => {
    admittedAtMs = admittedAtMs.filter(atMs => clock.nowMs - atMs < WINDOW_MS)
    const allowed = admittedAtMs.length < 60
    if (allowed) admittedAtMs.push(clock.nowMs)
    return { allowed, retryAfterMs: allowed ? 0 : WINDOW_MS }
  }
  const forget = () => {
    admittedAtMs = []
  }
  t.equal(await attack(trafficTo(exact, clock, 60, 4), forget), 60)
})
