/**
 * Buckets: how an instance spends its grants, from both sides of every boundary. `worst-case.test.ts` shows that no
 * window ever holds too many requests.
 *
 * Over 200 lines: one rule a test, all over one clock.
 */

import t from 'tap'
import { quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { LEASE_SHARE, MIN_LIFE_MS, planAsk, recordGrant } from '../../../edge/limiter/asking.ts'
import {
  type Bucket,
  bucketState,
  createBucket,
  isRunningLow,
  MAX_LIFE_MS,
  remainingOf,
  spend,
  waitMs
} from '../../../edge/limiter/lease.ts'
import { type Ask, decide, type Grant, type Slice } from '../../../edge/limiter/sliced-window.ts'

const T0 = 1_800_000_000_000
const policy = quotaPolicy(600, 60)
/** Spending stops this long before the lease expires in Redis. */
const MARGIN_MS = 50

/** A lease of `granted` that lives a second, asked for at T0 and answered at once by a Redis with the same clock. */
function bucketWith(grant: Partial<Grant>, times: { lifeMs?: number; answeredAtMs?: number; aheadMs?: number } = {}) {
  const { lifeMs = 1_000, answeredAtMs = T0, aheadMs = 0 } = times
  const bucket = createBucket()
  planAsk(bucket, policy, T0)
  const ask: Ask = { waiting: 1, want: 10, lifeMs, settlements: [] }
  const redisNowMs = answeredAtMs + aheadMs
  const index = Math.floor((redisNowMs + lifeMs) / policy.sliceMs)
  const full: Grant = { granted: 0, later: [], remaining: 0, retryAfterMs: 0, index, ...grant }
  recordGrant(bucket, ask, full, { askedAtMs: T0, nowMs: answeredAtMs, redisNowMs })
  return bucket
}

function spendAll(bucket: Bucket, nowMs: number): number {
  let spent = 0
  for (; bucketState(bucket, policy, nowMs) === 'spendable'; spent++) spend(bucket, policy, nowMs)
  return spent
}

t.test('the bucket of a new subject is unknown, and asks for waiting requests, or a little more', async t => {
  const bucket = createBucket()
  t.equal(bucketState(bucket, policy, T0), 'unknown')
  t.notOk(isRunningLow(bucket, T0, 0.25))
  t.strictSame(planAsk(bucket, policy, T0), { waiting: 1, want: 4, lifeMs: 6_000, settlements: [] })
  t.match(planAsk(createBucket(), quotaPolicy(200, 60), T0), { waiting: 1, want: 2, lifeMs: 6_000 })
  t.match(
    planAsk(createBucket(), quotaPolicy(60, 60), T0),
    { waiting: 1, want: 1, lifeMs: MIN_LIFE_MS },
    'not of a small one'
  )
  bucket.waiting = 50
  const crowd = planAsk(bucket, policy, T0 + 60_000)
  t.match(crowd, { waiting: 50 })
  t.equal(bucket.waiting, 0, 'they are part of that ask')
})

t.test('spend() spends the grant and no more', async t => {
  const bucket = bucketWith({ granted: 3, remaining: 5 })
  t.equal(remainingOf(bucket, T0), 8)
  t.equal(spendAll(bucket, T0), 3)
  t.equal(remainingOf(bucket, T0), 5)
  t.throws(() => spend(bucket, policy, T0), { message: /found none/ })
})

t.test('a lease is spent until shortly before it expires in Redis, counted from before the ask', async t => {
  const endMs = T0 + 1_000 - MARGIN_MS
  // The answer took a fifth of a second, and the clock of Redis may differ.
  for (const aheadMs of [0, -30_000, 30_000]) {
    const bucket = bucketWith({ granted: 3 }, { answeredAtMs: T0 + 200, aheadMs })
    t.equal(bucketState(bucket, policy, endMs - 1), 'spendable')
    t.not(bucketState(bucket, policy, endMs), 'spendable')
  }
  const late = bucketWith({ granted: 3 }, { answeredAtMs: endMs })
  t.equal(spendAll(late, endMs), 0, 'a grant that comes later is not spent')
  t.match(planAsk(late, policy, endMs).settlements, [{ to: undefined, count: 3 }], 'but returned')
})

t.test('a part for later is spent from its time on, counted from the answer', async t => {
  const later = [
    { afterMs: 100, count: 1 },
    { afterMs: 300, count: 2 }
  ]
  const bucket = bucketWith({ granted: 0, later, retryAfterMs: 5_000 }, { answeredAtMs: T0 + 50 })
  t.equal(bucketState(bucket, policy, T0 + 149), 'held')
  t.equal(waitMs(bucket, T0 + 149), 1)
  t.equal(spendAll(bucket, T0 + 150), 1)
  t.equal(bucketState(bucket, policy, T0 + 150), 'held')
  t.equal(waitMs(bucket, T0 + 150), 200)
  t.equal(spendAll(bucket, T0 + 349), 0)
  t.equal(spendAll(bucket, T0 + 350), 2)
})

t.test('a part for later keeps no request waiting where Redis has room now', async t => {
  const bucket = bucketWith({ granted: 2, later: [{ afterMs: 400, count: 5 }], remaining: 90 })
  t.equal(spendAll(bucket, T0), 2)
  t.equal(bucketState(bucket, policy, T0), 'unknown', 'Redis is asked')
  t.equal(spendAll(bucket, T0 + 400), 5, 'and the part is still there')
})

t.test('requests are settled into the slices in which they fell by the clock of Redis, never too early', async t => {
  for (const aheadMs of [0, -30_000, 30_000]) {
    // The answer took 100 ms, so the clock of Redis may be up to that much less ahead than it seems: that errs late.
    const bucket = bucketWith({ granted: 4 }, { lifeMs: 3_000, answeredAtMs: T0 + 100, aheadMs })
    const [debit] = bucket.leases
    for (const atMs of [100, 349, 350, 2_900]) spend(bucket, policy, T0 + atMs)
    const { settlements } = planAsk(bucket, policy, T0 + 2_910)
    const slice = (atMs: number) => Math.floor((T0 + atMs + 100 + aheadMs + MARGIN_MS) / policy.sliceMs)
    t.strictSame(settlements, [
      { from: debit?.index, to: slice(100), count: 2 },
      { from: debit?.index, to: slice(350), count: 1 }
    ])
    t.equal(slice(349) + 1, slice(350), 'of which the second boundary is real')
    t.ok((debit?.index ?? 0) <= slice(2_900), 'and the last one fell into the slice of the debit')
  }
})

t.test('unspent requests are returned once the lease is over, and not before', async t => {
  const bucket = bucketWith({ granted: 3, later: [{ afterMs: 100, count: 2 }] })
  const endMs = T0 + 1_000 - MARGIN_MS
  t.strictSame(planAsk(bucket, policy, endMs - 1).settlements, [])
  t.equal(spendAll(bucket, endMs - 1), 5, 'until then it can be spent')
  const other = bucketWith({ granted: 3, later: [{ afterMs: 100, count: 2 }] })
  spend(other, policy, T0)
  const { settlements } = planAsk(other, policy, endMs)
  t.strictSame(
    settlements.map(({ to, count }) => [to === undefined, count]),
    [
      [false, 1],
      [true, 4]
    ]
  )
  t.equal(spendAll(other, endMs - 1), 0, 'and then not, even where the clock is set back')
})

t.test('settlements are never sent twice', async t => {
  const bucket = bucketWith({ granted: 5 }, { lifeMs: 3_000 })
  spend(bucket, policy, T0)
  t.equal(planAsk(bucket, policy, T0 + 1).settlements.length, 1)
  t.strictSame(planAsk(bucket, policy, T0 + 2).settlements, [], 'the first call may have failed: the debit stays')
  spend(bucket, policy, T0 + 3)
  t.match(planAsk(bucket, policy, T0 + 4).settlements, { length: 1 }, 'only the request that was spent since')
  t.match(planAsk(bucket, policy, T0 + 3_000).settlements, [{ to: undefined, count: 3 }])
  t.strictSame(planAsk(bucket, policy, T0 + 3_001).settlements, [])
})

t.test('at the limit Redis is asked ever later, and at the time at which there is room', async t => {
  const bucket = createBucket()
  const ask: Ask = { waiting: 1, want: 1, lifeMs: MIN_LIFE_MS, settlements: [] }
  const refuse = (nowMs: number, retryAfterMs: number) => {
    const grant = { granted: 0, later: [], remaining: 0, retryAfterMs, index: 0 }
    recordGrant(bucket, ask, grant, { askedAtMs: nowMs, nowMs, redisNowMs: nowMs })
  }
  let nowMs = T0
  for (const holdMs of [500, 1_000, 2_000, 4_000, 8_000]) {
    refuse(nowMs, 30_000)
    t.equal(bucketState(bucket, policy, nowMs + holdMs - 1), 'held')
    t.equal(bucketState(bucket, policy, nowMs + holdMs), 'unknown', `asked again after ${holdMs} ms`)
    t.equal(waitMs(bucket, nowMs), 30_000, 'but the announced wait lasts until there is room')
    nowMs += holdMs
  }
  refuse(nowMs, 300)
  t.equal(bucketState(bucket, policy, nowMs + 300), 'unknown', 'never later than there is room')
  const grant = { granted: 1, later: [], remaining: 0, retryAfterMs: 9_000, index: 0 }
  recordGrant(bucket, ask, grant, { askedAtMs: nowMs, nowMs, redisNowMs: nowMs })
  spend(bucket, policy, nowMs)
  t.equal(bucketState(bucket, policy, nowMs + 499), 'held', 'the last grant was not a refusal')
  t.equal(bucketState(bucket, policy, nowMs + 500), 'unknown', 'and the next pause is the first one again')
})

t.test('a clock that was set back neither spends early nor holds a request for longer than a quota does', async t => {
  const bucket = bucketWith({ granted: 5 })
  t.not(bucketState(bucket, policy, T0 - 1), 'spendable')
  t.not(bucketState(bucket, policy, T0 - 3_600_000), 'spendable')
  const refused = bucketWith({ granted: 0, retryAfterMs: 30_000 })
  t.equal(bucketState(refused, policy, T0), 'held')
  t.equal(bucketState(refused, policy, T0 - 3_600_000), 'unknown')
  spendAll(bucket, T0)
  const ask = planAsk(bucket, policy, T0 - 3_600_000)
  t.ok(ask.want <= policy.quota * LEASE_SHARE && ask.lifeMs <= MAX_LIFE_MS, 'nor asks for more than any pace would')
})

t.test('the pace of the last lease decides how much is asked for, and for how long', async t => {
  const paced = (perSecond: number, policy = quotaPolicy(600, 60)) => {
    const bucket = createBucket()
    planAsk(bucket, policy, T0)
    bucket.spentSinceAsk = perSecond
    return planAsk(bucket, policy, T0 + 1_000)
  }
  t.match(paced(10), { waiting: 1, want: 30, lifeMs: 6_000 }, 'three seconds of it, that live for six')
  t.match(paced(5), { want: 15, lifeMs: 6_000 })
  t.match(paced(100), { want: 60, lifeMs: 1_200 }, 'a share of the quota at most, and then not for long')
  t.match(paced(100_000), { want: 60, lifeMs: MIN_LIFE_MS })
  t.match(paced(10, quotaPolicy(100, 10)), { want: 5, lifeMs: 1_000 }, 'a twentieth of a short window')
  t.match(paced(0), { waiting: 1, want: 1, lifeMs: MIN_LIFE_MS })

  const unhurried = createBucket()
  planAsk(unhurried, quotaPolicy(600, 60), T0)
  Object.assign(unhurried, { remaining: 301, spentSinceAsk: 1 })
  const ask = planAsk(unhurried, quotaPolicy(600, 60), T0 + 1_000)
  t.match(ask, { want: 10, lifeMs: MAX_LIFE_MS }, 'ten seconds of it while more than half of the quota is free')
})

t.test('leased requests are not asked for again', async t => {
  const bucket = createBucket()
  planAsk(bucket, policy, T0)
  bucket.spentSinceAsk = 10
  const ask = planAsk(bucket, policy, T0 + 1_000)
  const grant = { granted: 20, later: [], remaining: 500, retryAfterMs: 0, index: 1 }
  recordGrant(bucket, ask, grant, { askedAtMs: T0 + 1_000, nowMs: T0 + 1_000, redisNowMs: T0 })
  for (let i = 0; i < 10; i++) spend(bucket, policy, T0 + 1_500)
  t.equal(planAsk(bucket, policy, T0 + 2_000).want, 60 - 10)
})

t.test('a lease is renewed when a share of it is left, of its requests or of its life', async t => {
  const bucket = bucketWith({ granted: 8 })
  for (let left = 8; left > 2; left--) {
    t.notOk(isRunningLow(bucket, T0, 0.25), `${left} of 8`)
    spend(bucket, policy, T0)
  }
  t.ok(isRunningLow(bucket, T0, 0.25), '2 of 8')
  const old = bucketWith({ granted: 8 })
  planAsk(old, policy, T0)
  t.notOk(isRunningLow(old, T0 + 749, 0.25))
  t.ok(isRunningLow(old, T0 + 750, 0.25))
  t.notOk(isRunningLow(bucketWith({ granted: 3 }), T0 + 999, 0.25), 'a small lease is not renewed')
  t.notOk(
    isRunningLow(bucketWith({ granted: 8, retryAfterMs: 9_000 }), T0 + 499, 1),
    'nor one of a quota that is used up'
  )
})

t.test('the leases of two instances and the rest make up the quota', async t => {
  const [one, two] = [createBucket(), createBucket()]
  let slices: readonly Slice[] = []
  for (const bucket of [one, two]) {
    bucket.waiting = 100
    const ask = planAsk(bucket, policy, T0)
    const decided = decide(policy, slices, ask, T0)
    slices = decided.slices
    recordGrant(bucket, ask, decided.grant, { askedAtMs: T0, nowMs: T0, redisNowMs: T0 })
  }
  t.equal(remainingOf(two, T0), policy.quota - 100, 'all but the lease of the other instance')
  t.equal(spendAll(one, T0) + spendAll(two, T0), 200)
})
