/** Calls that many requests share: crowds, requests that died, and invalid answers. */

import t from 'tap'
import { quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import type { Charge } from '../../../edge/limiter/charge.ts'
import { begin, chargeNow, chargeOf, openAdmissionBench, pass, passed, SESSION } from '../lib/admission-bench.ts'

const users = (count: number) =>
  Array.from({ length: count }, (_, i) => chargeOf('user', quotaPolicy(600, 60), `user ${i}`))

t.test('however many subjects run low at once, one call at a time renews all that are due by then', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const crowd = users(300)
  for (const one of crowd) await pass(bench, admission, [one])
  t.equal(bench.calls(), crowd.length, 'each was a new subject')
  await bench.settled()

  // Each has one request of its four left.
  for (let spent = 1; spent < 3; spent++) for (const one of crowd) t.ok(chargeNow(bench, admission, [one]).ok)
  for (const one of crowd) t.equal(begin(bench, admission, [one]).ready(), undefined)
  t.equal(bench.calls(), 1, 'the others wait until it is done')
  for (let done = 0; done < 5; done++) {
    await bench.settled()
    begin(bench, admission, [crowd[0] as Charge]).ready()
  }
  t.equal(bench.calls(), 5, 'sixty-four at a time')
  await bench.settled()
  // Each has got eight more, without a wait.
  for (const one of crowd) for (let spent = 0; spent < 3; spent++) t.ok(chargeNow(bench, admission, [one]).ok)
  t.equal(bench.calls(), 0)
})

t.test(
  'a lease that was used up during a renewal is renewed next; for a client that has gone Redis is not asked',
  async t => {
    for (const { silentMs, calls } of [
      { silentMs: 350, calls: 1 },
      { silentMs: 6_050, calls: 0 }
    ]) {
      const bench = await openAdmissionBench(t)
      const admission = bench.open()
      const crowd = users(3)
      const [first, second, third] = crowd as [Charge, Charge, Charge]
      for (let i = 0; i < 5; i++, bench.clock.nowMs += 500) await pass(bench, admission, [third])
      await bench.settled()
      for (const one of [first, second]) await pass(bench, admission, [one])
      for (const one of [first, first, second, second]) chargeNow(bench, admission, [one])
      bench.gate.mode = 'hang'
      begin(bench, admission, [first]).ready()
      begin(bench, admission, [second]).ready()
      t.match(chargeNow(bench, admission, [second]), { ok: true }, 'its last one')
      bench.gate.mode = 'pass'
      bench.calls()
      bench.clock.nowMs += silentMs
      t.equal(begin(bench, admission, [third]).ready(), undefined)
      t.strictSame([bench.calls(), bench.failures], [calls, []])
    }
  }
)

t.test('however many new subjects come at once, they share a few calls', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const crowd = users(300)
  const results = await Promise.all(crowd.map(one => pass(bench, admission, [one])))
  t.equal(passed(results), crowd.length)
  const calls = bench.calls()
  t.ok(calls <= 6 + 300 / 32, `${calls} calls`)
})

t.test('a call that died holds up no request that waits for another call', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const [dead, ...crowd] = users(41) as [Charge, ...Charge[]]
  bench.gate.mode = 'hang'
  void begin(bench, admission, [dead]).ready()
  bench.gate.mode = 'pass'
  // The clock stands still, so the dead call stays pending for ever.
  await Promise.all([1, 2, 3].map(() => begin(bench, admission, [], SESSION).ready()))
  t.equal(bench.calls(), 2, 'the view is read once')
  const results = await Promise.all(crowd.map(one => pass(bench, admission, [one])))
  t.equal(passed(results), crowd.length)
})

t.test('an invalid reply for one subject loses no grant of the others', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const [first, second] = users(2) as [Charge, Charge]
  bench.gate.mode = 'garble-first'
  await begin(bench, admission, [first, second], SESSION).ready()
  bench.gate.mode = 'pass'
  t.equal(bench.failures.length, 1)
  t.match(
    chargeNow(bench, admission, [second], 'refuse'),
    { ok: true, quotas: [{ remaining: 599 }] },
    'by its lease, not by a fallback quota'
  )
  t.match(chargeNow(bench, admission, [first], 'refuse'), { ok: false, problem: 'unavailable' })
  t.equal(begin(bench, admission, [second], SESSION).ready(), undefined, 'and the view was read')
})

t.test('a request that needs nothing from Redis leaves the probe to others', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open({ maxAgeMs: 100 })
  const [known, silent, fresh] = users(3) as [Charge, Charge, Charge]
  for (let i = 0; i < 5; i++, bench.clock.nowMs += 500) await pass(bench, admission, [known])
  await pass(bench, admission, [silent])
  for (let i = 0; i < 2; i++) chargeNow(bench, admission, [silent])
  bench.gate.mode = 'fail'
  await begin(bench, admission, [fresh]).ready()
  // Runs low, and is silent until its lease is over.
  begin(bench, admission, [silent]).ready()
  bench.clock.nowMs += 6_050
  bench.calls()
  t.equal(begin(bench, admission, [known]).ready(), undefined)
  t.equal(bench.calls(), 0)
  bench.gate.mode = 'pass'
  await begin(bench, admission, [], SESSION).ready()
  t.equal(bench.calls(), 1, 'a request that needs the view does not have to wait for the next probe')
})
