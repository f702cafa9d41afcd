/** Fallback quotas: stricter than the quotas that they replace, and bounded in memory. */

import t from 'tap'
import { type QuotaPolicy, quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { createFallbackQuotas, type FallbackQuotas } from '../../../edge/limiter/fallback-quotas.ts'
import { between, createRandom } from '../lib/random.ts'

const T0 = 1_800_000_000_000

const grant = (fallback: FallbackQuotas, key: string, policy: QuotaPolicy, nowMs: number, tries: number) =>
  Array.from({ length: tries }, () => fallback.charge(key, policy, nowMs)).filter(({ allowed }) => allowed).length

t.test('charge() grants its share of the quota, rounded down, and at least one request', async t => {
  for (const [quota, share, expected] of [
    [300, 0.1, 30],
    [60, 0.1, 6],
    [5, 0.5, 2],
    [5, 0.1, 1],
    [1, 0, 1],
    [7, 1, 7]
  ] as const) {
    const fallback = createFallbackQuotas({ share, maxSubjects: 10 })
    t.equal(grant(fallback, 'a', quotaPolicy(quota, 60), T0, quota + 1), expected, `${share} of ${quota}`)
  }
})

t.test('peek() returns the decision of charge(), and debits nothing', async t => {
  const fallback = createFallbackQuotas({ share: 0.5, maxSubjects: 10 })
  const policy = quotaPolicy(4, 60)
  for (let i = 0; i < 3; i++) {
    const seen = fallback.peek('a', policy, T0)
    t.strictSame(fallback.peek('a', policy, T0), seen)
    t.strictSame(fallback.charge('a', policy, T0), seen)
  }
  t.notOk(fallback.peek('a', policy, T0).allowed)
})

t.test('charge() counts each key by itself', async t => {
  const fallback = createFallbackQuotas({ share: 0.5, maxSubjects: 10 })
  t.equal(grant(fallback, 'a', quotaPolicy(4, 60), T0, 5), 2)
  t.equal(grant(fallback, 'b', quotaPolicy(4, 60), T0, 5), 2)
})

t.test('charge() names the first millisecond at which a refused request fits', async t => {
  const policy = quotaPolicy(3, 60)
  const used = () => {
    const fallback = createFallbackQuotas({ share: 1, maxSubjects: 10 })
    for (const atMs of [T0, T0 + 999, T0 + 1000]) fallback.charge('a', policy, atMs)
    return fallback
  }
  const { allowed, retryAfterMs } = used().charge('a', policy, T0 + 30_000)
  t.notOk(allowed)
  t.ok(used().charge('a', policy, T0 + 30_000 + retryAfterMs).allowed)
  t.notOk(used().charge('a', policy, T0 + 30_000 + retryAfterMs - 1).allowed)
})

t.test('charge() never grants more than its share in any window', async t => {
  const random = createRandom(21)
  const policy = quotaPolicy(50, 60)
  const fallback = createFallbackQuotas({ share: 0.1, maxSubjects: 10 })
  const granted: number[] = []
  for (let i = 0, nowMs = T0; i < 20_000; i++, nowMs += between(random, 0, 300)) {
    if (fallback.charge('a', policy, nowMs).allowed) granted.push(nowMs)
  }
  t.ok(granted.length > 100)
  t.strictSame(
    granted.filter((atMs, i) => (granted[i + 5] ?? Infinity) - atMs <= policy.windowMs),
    []
  )
})

t.test(
  'charge() remembers a subject while fewer than maxSubjects others come, and forgets it after twice as many',
  async t => {
    const policy = quotaPolicy(1, 60)
    const openUsed = () => {
      const fallback = createFallbackQuotas({ share: 1, maxSubjects: 3 })
      for (const key of ['a', 'b', 'c']) fallback.charge(key, policy, T0)
      return { fallback, isKnown: (key: string) => !fallback.charge(key, policy, T0).allowed }
    }
    const { isKnown } = openUsed()
    t.strictSame(['a', 'b', 'c'].map(isKnown), [true, true, true])

    const { fallback, isKnown: isStillKnown } = openUsed()
    for (let i = 0; i < 6; i++) {
      t.ok(isStillKnown('a'), 'a refused request keeps its subject in memory')
      fallback.charge(`other ${i}`, policy, T0)
    }
    t.ok(isStillKnown('a'))
    t.notOk(isStillKnown('b'), 'a silent subject is forgotten')
  }
)

t.test('charge() holds a hundred thousand subjects in the memory of a thousand to two thousand', async t => {
  const policy = quotaPolicy(2, 60)
  const fallback = createFallbackQuotas({ share: 1, maxSubjects: 1000 })
  for (let i = 0; i < 100_000; i++) fallback.charge(`subject ${i}`, policy, T0)
  // Youngest first. Each question makes its subject the youngest, and may push out an older one.
  const remaining = Array.from(
    { length: 3000 },
    (_, i) => fallback.charge(`subject ${99_999 - i}`, policy, T0).remaining
  )
  t.ok(
    remaining.slice(0, 1000).every(left => left === 0),
    'the last thousand are all remembered'
  )
  t.ok(remaining.filter(left => left === 0).length <= 2000)
})

t.test('count() counts requests that Redis has granted, against the share and not against the quota', async t => {
  const fallback = createFallbackQuotas({ share: 0.4, maxSubjects: 10 })
  const policy = quotaPolicy(5, 60)
  t.equal(fallback.count('a', policy, T0), undefined)
  t.equal(grant(fallback, 'a', policy, T0, 5), 1, 'one of two is left')
  t.equal(fallback.count('a', policy, T0), undefined)
  t.equal(grant(fallback, 'a', policy, T0, 5), 0)
  for (let i = 0; i < 2; i++) t.equal(fallback.count('a', policy, T0), undefined)
  t.match(fallback.count('a', policy, T0), { allowed: false, remaining: 0 }, 'the sixth of five')
  t.equal(fallback.count('a', policy, T0 + 60_500), undefined, 'until the window is over')
  for (let i = 0; i < 20; i++)
    t.equal(fallback.count('b', policy, T0), undefined, 'without a fallback Redis alone decides')
})
