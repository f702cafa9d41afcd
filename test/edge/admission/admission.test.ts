/**
 * Whether a request may pass, over a real REST gateway: how many Redis calls that charges, and the outcome where they
 * fail.
 *
 * Over 200 lines: one rule a test, all over one bench.
 */

import { randomUUID } from 'node:crypto'
import t from 'tap'
import { quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { retryAfterSeconds } from '../../../edge/contract/rate-limit-fields.ts'
import { begin, chargeNow, chargeOf, openAdmissionBench, pass, passed, SESSION } from '../lib/admission-bench.ts'

const address = chargeOf('address', quotaPolicy(300, 60))
const auth = chargeOf('auth', quotaPolicy(60, 60))
const user = chargeOf('user', quotaPolicy(600, 60), 'a user')

t.test(
  'three quotas and the revocation view take one round trip, and the next requests only for the small one',
  async t => {
    const bench = await openAdmissionBench(t)
    const admission = bench.open()
    const charges = [address, auth, user]
    await begin(bench, admission, charges, SESSION).ready()
    t.strictSame([bench.calls(), bench.commands()], [1, 4])
    const results = chargeNow(bench, admission, charges)
    t.ok(results.ok)
    t.strictSame(
      results.quotas.map(({ name, remaining, retryAfterMs }) => [name, remaining, retryAfterMs]),
      [
        ['address', 299, 0],
        ['auth', 59, 0],
        ['user', 599, 0]
      ]
    )
    t.equal(begin(bench, admission, [], SESSION).sessionStatus(), 'live')

    t.equal(begin(bench, admission, [], SESSION).ready(), undefined, 'the view is fresh')
    await begin(bench, admission, charges, SESSION).ready()
    t.strictSame(
      [bench.calls(), bench.commands()],
      [1, 1],
      'the lease of "auth" was for one, and the view is not read again'
    )
  }
)

for (const crowd of [2, 50, 250]) {
  t.test(`${crowd} cold requests of one subject at once make three round trips at most, and all pass`, async t => {
    const bench = await openAdmissionBench(t)
    const admission = bench.open()
    const results = await Promise.all(Array.from({ length: crowd }, () => pass(bench, admission, [address])))
    await bench.settled()
    t.equal(passed(results), crowd)
    const calls = bench.calls()
    t.ok(calls >= 1 && calls <= 3, `${calls} round trips`)
  })
}

t.test('of fifty requests at once to a quota of twenty, exactly twenty pass, also through four instances', async t => {
  const bench = await openAdmissionBench(t)
  const small = chargeOf('small', quotaPolicy(20, 60))
  const instances = Array.from({ length: 4 }, () => bench.open())
  const results = await Promise.all(
    instances.flatMap(one => Array.from({ length: 50 }, () => pass(bench, one, [small])))
  )
  t.equal(passed(results), 20)
  for (const one of results) {
    if (one.ok) continue
    t.equal(one.problem, 'rate-limited')
    t.match(one.quotas, [{ name: 'small', remaining: 0 }])
    t.ok(one.retryAfterMs > 0 && one.retryAfterMs <= 61_000, `${one.retryAfterMs} ms`)
    break
  }
})

t.test('a steady client is served from memory, and its leases are renewed behind it', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  let [waited, renewed] = [0, 0]
  for (let i = 0; i < 600; i++) {
    const preparing = begin(bench, admission, [user], SESSION).ready()
    if (preparing !== undefined) waited++
    await preparing
    if (!chargeNow(bench, admission, [user]).ok) t.fail(`request ${i} was refused`)
    renewed += await bench.settled()
    bench.clock.nowMs += 120
  }
  t.ok(waited <= 6, `${waited} of 600 requests waited`)
  t.ok(renewed > 0 && bench.calls() <= 0.25 * 600, `${renewed} renewals: the view is due twice a second`)
})

t.test('charges are debited all together, or none of them', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const tiny = chargeOf('tiny', quotaPolicy(1, 60))
  t.match(await pass(bench, admission, [address, tiny]), { ok: true })
  for (let i = 0; i < 20; i++)
    t.match(await pass(bench, admission, [address, tiny]), {
      problem: 'rate-limited',
      quotas: [{ name: 'tiny', remaining: 0 }]
    })
  const { quotas } = await pass(bench, admission, [address])
  t.match(quotas, [{ name: 'address', remaining: 298 }], 'two in all')
})

t.test('charges are debited all together, or none of them, also by fallback quotas', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const tiny = chargeOf('tiny', quotaPolicy(1, 60))
  bench.gate.mode = 'fail'
  t.match(await pass(bench, admission, [address, tiny]), { ok: true })
  for (let i = 0; i < 40; i++)
    t.match(chargeNow(bench, admission, [address, tiny]), { problem: 'rate-limited', quotas: [{ name: 'tiny' }] })
  t.match(chargeNow(bench, admission, [address]), { ok: true, quotas: [{ remaining: 28 }] })
})

t.test('a refused request passes after exactly the announced wait, at any instance', async t => {
  const bench = await openAdmissionBench(t)
  const [here, there] = [bench.open(), bench.open()]
  const single = chargeOf('single', quotaPolicy(1, 60))
  t.match(await pass(bench, here, [single]), { ok: true })
  // Late enough that a part for later fits into the life of a lease.
  bench.clock.nowMs += 60_450
  const refused = await pass(bench, here, [single])
  if (refused.ok) throw new Error('expected a refusal')
  t.equal(refused.problem, 'rate-limited')
  bench.clock.nowMs += retryAfterSeconds(refused.retryAfterMs) * 1_000
  t.match(await pass(bench, there, [single]), { ok: true })
})

t.test('refusal() refuses from memory a quota that is known to be used up, and asks and debits nothing', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const tiny = chargeOf('tiny', quotaPolicy(1, 60))
  t.equal(begin(bench, admission, [tiny]).refusal(), undefined, 'nothing is known')
  await pass(bench, admission, [tiny])
  bench.calls()
  t.match(begin(bench, admission, [address, tiny]).refusal(), { problem: 'rate-limited', quotas: [{ name: 'tiny' }] })
  t.equal(begin(bench, admission, [tiny]).ready(), undefined)
  t.equal(bench.calls(), 0)
  bench.clock.nowMs += 61_000
  t.equal(begin(bench, admission, [tiny]).refusal(), undefined)
  t.match(await pass(bench, admission, [tiny]), { ok: true })
})

t.test('after a failure no request waits: the fallback quotas decide, and report how often', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  bench.gate.mode = 'fail'
  const results = [await pass(bench, admission, [address])]
  t.equal(bench.calls(), 1)
  for (let i = 0; i < 49; i++) {
    t.equal(begin(bench, admission, [address], SESSION).ready(), undefined, 'at once')
    results.push(chargeNow(bench, admission, [address]))
  }
  t.equal(bench.calls(), 0, 'Redis is not called')
  t.equal(passed(results), 30, 'a tenth of the quota')
  t.match(results.at(-1), { problem: 'rate-limited', quotas: [{ name: 'address', remaining: 0 }] })
  t.equal(begin(bench, admission, [], SESSION).sessionStatus(), 'unknown', 'but the status of a session is unknown')

  for (let probe = 0; probe < 2; probe++) {
    bench.clock.nowMs += 250
    begin(bench, admission, [address]).ready()
    await bench.settled()
  }
  t.strictSame(
    bench.failures.map(({ error, answeredByFallback }) => [error.name, answeredByFallback]),
    [
      ['StoreError', 0],
      ['StoreError', 50],
      ['StoreError', 0]
    ]
  )
  t.notMatch(bench.failures.map(({ error }) => error.message).join(), /somebody|local quota/)
})

t.test('a request that would be refused for lack of a view waits for the one probe of Redis', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  bench.gate.mode = 'fail'
  await pass(bench, admission, [address])
  bench.gate.mode = 'pass'
  bench.clock.nowMs += 1_000
  bench.calls()
  const [first, ...others] = [1, 2, 3].map(() => begin(bench, admission, [address], SESSION).ready())
  t.strictSame(others, [undefined, undefined], 'one of them')
  t.equal(bench.calls(), 1)
  await first
  t.equal(begin(bench, admission, [], SESSION).sessionStatus(), 'live', 'one slow call causes no second refusal')
})

t.test('one request per breakerResetMs probes Redis, behind itself', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  bench.gate.mode = 'fail'
  await pass(bench, admission, [address])
  bench.calls()
  const twenty = async () => {
    const prepared = Array.from({ length: 20 }, () => begin(bench, admission, [address]).ready())
    t.ok(
      prepared.every(waits => waits === undefined),
      'no request waits'
    )
    await bench.settled()
    return bench.calls()
  }
  bench.clock.nowMs += 249
  t.equal(await twenty(), 0)
  bench.clock.nowMs += 1
  t.equal(await twenty(), 1)
  t.equal(await twenty(), 0)
  bench.gate.mode = 'pass'
  bench.clock.nowMs += 250
  t.equal(await twenty(), 1)
  t.match(await pass(bench, admission, [address]), { quotas: [{ remaining: 299 }] }, 'and got a lease')
})

t.test('a clock that was set back does not keep Redis away', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  bench.gate.mode = 'fail'
  await pass(bench, admission, [address])
  await bench.settled()
  bench.gate.mode = 'pass'
  bench.clock.nowMs -= 3_600_000
  begin(bench, admission, [address], SESSION).ready()
  t.equal(await bench.settled(), 1)
  t.match(await pass(bench, admission, [address]), { quotas: [{ remaining: 299 }] })
})

t.test('a clock that was set back does not stretch the life of a lease: all of them are given up', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const one = async (afterMs: number) => {
    bench.clock.nowMs += afterMs
    await begin(bench, admission, [user]).ready()
    t.match(chargeNow(bench, admission, [user]), { ok: true })
    await bench.settled()
    return bench.calls()
  }
  for (let i = 0; i < 20; i++) await one(120)
  let asked = 0
  for (let i = 0; i < 40 && asked === 0; i++) asked = await one(120)
  t.equal(asked, 1, 'once, for a lease that lives for seconds')
  t.equal(await one(500), 0)
  t.equal(await one(-50), 0, 'no more than requests may be out of order')
  t.equal(await one(-1), 1, 'one millisecond more, and Redis is asked')
})

t.test('a lease is spent also while Redis is away', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const crowd = Array.from({ length: 10 }, () => begin(bench, admission, [address]).ready())
  await Promise.all(crowd)
  bench.gate.mode = 'fail'
  const charged = chargeNow(bench, admission, [address], 'refuse')
  t.ok(charged.ok)
  t.match(charged.quotas, [{ name: 'address', retryAfterMs: 0 }], 'even on a route without fallback quotas')
})

t.test('while Redis is away one request per breakerResetMs tries a renewal, not every request', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  await begin(bench, admission, [address], SESSION).ready()
  bench.gate.mode = 'fail'
  bench.calls()
  const twenty = async () => {
    for (let i = 0; i < 20; i++) {
      t.equal(begin(bench, admission, [], SESSION).ready(), undefined)
      await bench.settled()
    }
    return bench.calls()
  }
  bench.clock.nowMs += 501
  t.equal(await twenty(), 1, 'the view was due, and the first request noticed the failure')
  bench.clock.nowMs += 249
  t.equal(await twenty(), 0)
  bench.clock.nowMs += 1
  t.equal(await twenty(), 1)
})

t.test("where a route chose 'refuse', no request passes while its quota is unknown", async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  bench.gate.mode = 'fail'
  await begin(bench, admission, [address]).ready()
  t.strictSame(chargeNow(bench, admission, [address], 'refuse'), {
    ok: false,
    problem: 'unavailable',
    quotas: [],
    retryAfterMs: 1_000
  })
  t.match(chargeNow(bench, admission, [address]), { ok: true })
})

t.test('charge() without ready() refuses: the quota is unknown, and Redis has not failed', async t => {
  const bench = await openAdmissionBench(t)
  t.match(chargeNow(bench, bench.open(), [address]), { ok: false, problem: 'unavailable' })
})

t.test('a request that died during its call holds up no other one for longer than an answer may take', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  bench.gate.mode = 'hang'
  void begin(bench, admission, [address], SESSION).ready()
  bench.gate.mode = 'pass'
  let arrived = 0
  const waiting = Array.from({ length: 10 }, async () => {
    const results = await pass(bench, admission, [address])
    arrived++
    return results
  })
  bench.clock.nowMs += 349
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame([arrived, bench.calls()], [0, 1], 'the others wait for it')
  bench.clock.nowMs += 1
  t.equal(passed(await Promise.all(waiting)), 10)
  t.ok(bench.calls() <= 3)
  t.equal(begin(bench, admission, [], SESSION).sessionStatus(), 'unknown', 'they did not ask for the view')
  await begin(bench, admission, [address], SESSION).ready()
  t.equal(begin(bench, admission, [], SESSION).sessionStatus(), 'live')
})

t.test('a grant whose answer was lost stays debited, and admits no request', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const small = chargeOf('small', quotaPolicy(20, 60))
  bench.gate.mode = 'lose'
  await begin(bench, admission, [small]).ready()
  bench.gate.mode = 'pass'
  const others = Array.from({ length: 30 }, async () => pass(bench, bench.open(), [small]))
  t.equal(passed(await Promise.all(others)), 19)
})

t.test('a view that is too old is read before any request passes, by one for all; a stale one behind', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const prepare = () => begin(bench, admission, [], SESSION).ready()
  await Promise.all(Array.from({ length: 20 }, prepare))
  t.equal(bench.calls(), 1)
  t.equal(await bench.settled(), 1, 'also where the client of that request hangs up meanwhile')
  await bench.feed.publish([SESSION.sid])
  bench.clock.nowMs += 500
  t.equal(prepare(), undefined)
  t.equal(bench.calls(), 0, 'still fresh')
  bench.clock.nowMs += 1
  t.equal(prepare(), undefined, 'no request waits for a renewal')
  t.equal(await bench.settled(), 1)
  t.equal(begin(bench, admission, [], SESSION).sessionStatus(), 'ended')
  bench.calls()
  bench.clock.nowMs += 1_001
  t.ok(prepare(), 'and with a view that is too old, a request waits')
  t.equal(bench.calls(), 1)
})

t.test('a strict view is read for every request', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open({ maxAgeMs: 0 })
  for (let i = 0; i < 5; i++) {
    bench.clock.nowMs += 1
    await begin(bench, admission, [], SESSION).ready()
    t.equal(begin(bench, admission, [], SESSION).sessionStatus(), 'live')
  }
  t.equal(bench.calls(), 5)
  await bench.feed.publish([SESSION.sid])
  bench.clock.nowMs += 1
  t.equal(begin(bench, admission, [], { ...SESSION, sid: randomUUID() }).sessionStatus(), 'unknown')
  await begin(bench, admission, [], SESSION).ready()
  t.equal(begin(bench, admission, [], SESSION).sessionStatus(), 'ended')
})

t.test('a crowd of new subjects is forgotten again, and their leases are stranded, not given away', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open({ maxSubjects: 10 })
  const small = chargeOf('small', quotaPolicy(3, 60))
  t.match(await pass(bench, admission, [small]), { quotas: [{ remaining: 2 }] })
  for (let i = 0; i < 20; i++) await pass(bench, admission, [chargeOf('small', quotaPolicy(3, 60), `new ${i}`)])
  t.match(await pass(bench, admission, [small]), { quotas: [{ remaining: 1 }] }, 'Redis still knows')
})
