/** The floor under the quotas: stricter than what it stands in for, and bounded. */

import t from 'tap'
import { type QuotaPolicy, quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { createFallbackQuotas, type FallbackQuotas } from '../../../edge/limiter/fallback-quotas.ts'
import { between, createRandom } from '../../../local/random.ts'

const T0 = 1_800_000_000_000

const grant = (floor: FallbackQuotas, key: string, policy: QuotaPolicy, nowMs: number, tries: number) =>
  Array.from({ length: tries }, () => floor.charge(key, policy, nowMs)).filter(({ allowed }) => allowed).length

t.test('take() grants its share of the quota, rounded down, and at least one request', async t => {
  for (const [quota, share, expected] of [
    [300, 0.1, 30],
    [60, 0.1, 6],
    [5, 0.5, 2],
    [5, 0.1, 1],
    [1, 0, 1],
    [7, 1, 7]
  ] as const) {
    const floor = createFallbackQuotas({ share, maxSubjects: 10 })
    t.equal(grant(floor, 'a', quotaPolicy(quota, 60), T0, quota + 1), expected, `${share} of ${quota}`)
  }
})

t.test('look() says what take() would, and debits nothing', async t => {
  const floor = createFallbackQuotas({ share: 0.5, maxSubjects: 10 })
  const policy = quotaPolicy(4, 60)
  for (let i = 0; i < 3; i++) {
    const seen = floor.peek('a', policy, T0)
    t.strictSame(floor.peek('a', policy, T0), seen)
    t.strictSame(floor.charge('a', policy, T0), seen)
  }
  t.notOk(floor.peek('a', policy, T0).allowed)
})

t.test('take() counts each key by itself', async t => {
  const floor = createFallbackQuotas({ share: 0.5, maxSubjects: 10 })
  t.equal(grant(floor, 'a', quotaPolicy(4, 60), T0, 5), 2)
  t.equal(grant(floor, 'b', quotaPolicy(4, 60), T0, 5), 2)
})

t.test('take() names the first millisecond at which a refused request fits', async t => {
  const policy = quotaPolicy(3, 60)
  const used = () => {
    const floor = createFallbackQuotas({ share: 1, maxSubjects: 10 })
    for (const atMs of [T0, T0 + 999, T0 + 1000]) floor.charge('a', policy, atMs)
    return floor
  }
  const { allowed, retryAfterMs } = used().charge('a', policy, T0 + 30_000)
  t.notOk(allowed)
  t.ok(used().charge('a', policy, T0 + 30_000 + retryAfterMs).allowed)
  t.notOk(used().charge('a', policy, T0 + 30_000 + retryAfterMs - 1).allowed)
})

t.test('take() never grants more than its share in any window', async t => {
  const random = createRandom(21)
  const policy = quotaPolicy(50, 60)
  const floor = createFallbackQuotas({ share: 0.1, maxSubjects: 10 })
  const granted: number[] = []
  for (let i = 0, nowMs = T0; i < 20_000; i++, nowMs += between(random, 0, 300)) {
    if (floor.charge('a', policy, nowMs).allowed) granted.push(nowMs)
  }
  t.ok(granted.length > 100)
  t.strictSame(
    granted.filter((atMs, i) => (granted[i + 5] ?? Infinity) - atMs <= policy.windowMs),
    []
  )
})

t.test('take() remembers no more subjects than it may, and forgets the one that was silent longest', async t => {
  const policy = quotaPolicy(1, 60)
  const floor = createFallbackQuotas({ share: 1, maxSubjects: 3 })
  const isKnown = (key: string) => !floor.charge(key, policy, T0).allowed
  for (const key of ['a', 'b', 'c']) floor.charge(key, policy, T0)
  t.ok(isKnown('a'), 'and asking again, though refused, is not silence')
  floor.charge('d', policy, T0)
  t.strictSame(['a', 'c', 'd'].map(isKnown), [true, true, true])
  t.notOk(isKnown('b'))
})

t.test('take() holds a hundred thousand strangers in the memory of a thousand', async t => {
  const policy = quotaPolicy(2, 60)
  const floor = createFallbackQuotas({ share: 1, maxSubjects: 1000 })
  for (let i = 0; i < 100_000; i++) floor.charge(`stranger ${i}`, policy, T0)
  const remembered = Array.from(
    { length: 2000 },
    (_, i) => floor.charge(`stranger ${99_999 - i}`, policy, T0).remaining
  )
  // The first questions meet those that are remembered, until they themselves push the older ones out.
  t.equal(remembered.filter(remaining => remaining === 0).length, 1000)
})

t.test('note() counts what Redis has granted, against the share and not against itself', async t => {
  const floor = createFallbackQuotas({ share: 0.4, maxSubjects: 10 })
  const policy = quotaPolicy(5, 60)
  t.equal(floor.count('a', policy, T0), undefined)
  t.equal(grant(floor, 'a', policy, T0, 5), 1, 'one of two is left')
  t.equal(floor.count('a', policy, T0), undefined)
  t.equal(grant(floor, 'a', policy, T0, 5), 0)
  for (let i = 0; i < 2; i++) t.equal(floor.count('a', policy, T0), undefined)
  t.match(floor.count('a', policy, T0), { allowed: false, remaining: 0 }, 'the sixth of five')
  t.equal(floor.count('a', policy, T0 + 60_500), undefined, 'until the window is over')
  for (let i = 0; i < 20; i++)
    t.equal(floor.count('b', policy, T0), undefined, 'without a fallback Redis alone decides')
})
