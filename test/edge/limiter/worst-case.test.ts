/**
 * Leases at their worst: isolates that die, answers that are lost or late, clocks that disagree, and an attacker that
 * knows the slices. Never more than the quota in any window; and the share and the cost of honest and of greedy
 * clients.
 */

import t from 'tap'
import { type QuotaPolicy, quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { LEASE_SHARE } from '../../../edge/limiter/asking.ts'
import { MAX_LIFE_MS } from '../../../edge/limiter/lease.ts'
import { between, createRandom, pick, type Random } from '../../../local/random.ts'
import { createWorld, type World } from '../lib/lease-world.ts'

const ISOLATES = 8
const CLOCKS: Readonly<Record<string, (random: Random) => number>> = {
  'with one clock': () => 0,
  'with clocks up to 30 s apart': random => between(random, -30_000, 30_000)
}
const QUOTAS = { '5/10': quotaPolicy(5, 10), '60/60': quotaPolicy(60, 60), '600/60': quotaPolicy(600, 60) }

for (const [text, policy] of Object.entries(QUOTAS)) {
  for (const [clocks, offset] of Object.entries(CLOCKS)) {
    t.test(`no window of ${text} ever holds more than its quota, ${clocks}`, async t => {
      let fullest = 0
      for (let seed = 0; seed < 6; seed++) {
        const random = createRandom(100 + seed)
        // Without failures now and then: each of them strands something, and the attacker gets less.
        const lostShare = seed % 2 ? 0.1 : 0
        const clockOffsetsMs = Array.from({ length: ISOLATES }, () => offset(random))
        const world = createWorld({ random, policy, clockOffsetsMs, maxDelayMs: seed % 3 ? 250 : 5, lostShare })
        attack(random, world, policy, seed % 2 ? 0.02 : 0)
        const most = mostInAWindow(world.admitted, policy)
        if (most > policy.quota) t.fail(`${most} in one window`, { seed })
        fullest = Math.max(fullest, most)
      }
      t.ok(fullest >= 0.9 * policy.quota, `${fullest} of ${policy.quota} in the fullest window: the attack came close`)
    })
  }
}

t.test('an honest client at the limit gets 98 of 100 requests, and costs one ask for ten of them', async t => {
  const world = createWorld({ ...peaceful(21), policy: QUOTAS['600/60'], clockOffsetsMs: [0] })
  let asked = 0
  for (const endMs = world.nowMs() + 300_000; world.nowMs() < endMs; world.advanceTo(world.nowMs() + 100)) {
    asked++
    world.request(0)
  }
  t.ok(world.admitted.length >= 0.98 * asked, `${world.admitted.length} of ${asked}`)
  t.ok(world.asks() <= 0.1 * world.admitted.length, `${world.asks()} asks for ${world.admitted.length} requests`)
})

t.test('a greedy client through four isolates gets the quota, and costs one ask for ten requests', async t => {
  const policy = QUOTAS['600/60']
  const world = createWorld({ ...peaceful(22), policy, clockOffsetsMs: [0, 0, 0, 0] })
  const endMs = world.nowMs() + 300_000
  while (world.nowMs() < endMs) {
    for (let isolate = 0; isolate < 4; isolate++) for (let i = 0; i < 50; i++) world.request(isolate)
    world.advanceTo(world.nowMs() + 50)
  }
  t.ok(world.mostWaiting() >= 49, `${world.mostWaiting()} wait`)
  t.ok(world.admitted.length >= 0.9 * 5 * policy.quota, `${world.admitted.length} requests`)
  t.ok(world.asks() <= 0.1 * world.admitted.length, `${world.asks()} asks for ${world.admitted.length} requests`)
})

t.test('an isolate never holds more than a share of the quota and the waiting requests', async t => {
  for (const [text, policy] of Object.entries(QUOTAS)) {
    let most = 0
    for (let seed = 0; seed < 4; seed++) {
      const random = createRandom(200 + seed)
      const clockOffsetsMs = Array.from({ length: 4 }, () => 0)
      const world = createWorld({ random, policy, clockOffsetsMs, maxDelayMs: 250, lostShare: 0.1 })
      const bound = () => Math.ceil(LEASE_SHARE * policy.quota) + world.mostWaiting()
      attack(random, world, policy, 0.01, [1, 3], () => {
        for (let isolate = 0; isolate < 4; isolate++) {
          most = Math.max(most, world.unspent(isolate))
          if (world.unspent(isolate) > bound()) t.fail(`${world.unspent(isolate)} are held of ${text}`)
        }
      })
    }
    t.ok(most >= LEASE_SHARE * policy.quota, `${most} of ${text}`)
  }
})

t.test('dying isolates strand what they held, and it comes back after a life, a slice and a window', async t => {
  const policy = QUOTAS['600/60']
  const world = createWorld({ ...peaceful(23), policy, clockOffsetsMs: Array.from({ length: ISOLATES }, () => 0) })
  for (let i = 0; i < 400; i++, world.advanceTo(world.nowMs() + 100)) world.request(i % ISOLATES)
  const held = Array.from({ length: ISOLATES }, (_, isolate) => world.unspent(isolate)).reduce((a, b) => a + b)
  t.ok(held > 0 && held <= ISOLATES * (Math.ceil(LEASE_SHARE * policy.quota) + 1), `${held} are held`)
  t.equal(world.debited() - world.admitted.length, held, 'and no other debit is unspent')

  for (let isolate = 0; isolate < ISOLATES; isolate++) world.kill(isolate)
  const before = world.admitted.length
  for (let i = 0; i < 2 * policy.quota; i++) world.request(0)
  world.advanceTo(world.nowMs() + 100)
  t.equal(world.admitted.length - before, policy.quota - before - held, 'others get all the rest')

  world.kill(0)
  world.advanceTo(world.nowMs() + MAX_LIFE_MS + policy.sliceMs + policy.windowMs)
  t.equal(world.debited(), 0)
})

/** A network without failures. */
function peaceful(seed: number) {
  return { random: createRandom(seed), maxDelayMs: 40, lostShare: 0 }
}

/** Bursts just before and after the boundaries of slices and windows, and deaths between them. */
function attack(
  random: Random,
  world: World,
  policy: QuotaPolicy,
  deathShare: number,
  crowds = [2, 10, 100],
  look = () => {}
): void {
  const bursts = 1_500
  for (let burst = 0; burst < bursts; burst++) {
    const nowMs = world.nowMs()
    const boundary = (atMs: number) => Math.ceil(atMs / policy.sliceMs) * policy.sliceMs
    const first = world.admitted[Math.max(0, world.admitted.length - policy.quota)] ?? nowMs
    const choices = [nowMs + 1, nowMs + between(random, 0, 300), boundary(nowMs + 1) - 1, boundary(nowMs + 1)] as const
    const round = [
      boundary(first + policy.windowMs),
      first + policy.windowMs + 1,
      nowMs + between(random, 0, MAX_LIFE_MS)
    ]
    world.advanceTo(Math.max(nowMs, pick(random, [...choices, ...choices, ...round])))
    const isolates = between(random, 1, ISOLATES)
    for (let i = 0; i < isolates; i++) {
      const isolate = between(random, 0, ISOLATES - 1)
      if (random() < deathShare) world.kill(isolate)
      for (let k = between(random, 1, crowds[between(random, 0, crowds.length - 1)] ?? 1); k > 0; k--)
        world.request(isolate)
    }
    look()
  }
}

/** The window of `windowMs` that ends with a request, both ends included. */
function mostInAWindow(admitted: readonly number[], { windowMs }: QuotaPolicy): number {
  let [most, first] = [0, 0]
  for (const [last, atMs] of admitted.entries()) {
    while (atMs - (admitted[first] ?? 0) > windowMs) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}
