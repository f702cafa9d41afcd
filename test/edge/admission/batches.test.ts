/** Calls that many requests share: crowds, requests that died, and invalid answers. */

import t from 'tap'
import { quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import type { Charge } from '../../../edge/limiter/charge.ts'
import { begin, chargeNow, chargeOf, openAdmissionSetup, pass, passed, SESSION } from '../lib/admission-setup.ts'

const users = (count: number) =>
  Array.from({ length: count }, (_, i) => chargeOf('user', quotaPolicy(600, 60), `user ${i}`))

t.test('however many subjects run low at once, one call at a time renews all that are due by then', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const crowd = users(300)
  for (const one of crowd) await pass(setup, admission, [one])
  t.equal(setup.calls(), crowd.length, 'each was a new subject')
  await setup.settled()

  // Each has one request of its four left.
  for (let spent = 1; spent < 3; spent++) for (const one of crowd) t.ok(chargeNow(setup, admission, [one]).ok)
  for (const one of crowd) t.equal(begin(setup, admission, [one]).ready(), undefined)
  t.equal(setup.calls(), 1, 'the others wait until it is done')
  for (let done = 0; done < 5; done++) {
    await setup.settled()
    begin(setup, admission, [crowd[0] as Charge]).ready()
  }
  t.equal(setup.calls(), 5, 'sixty-four at a time')
  await setup.settled()
  // Each has got eight more, without a wait.
  for (const one of crowd) for (let spent = 0; spent < 3; spent++) t.ok(chargeNow(setup, admission, [one]).ok)
  t.equal(setup.calls(), 0)
})

t.test(
  'a lease that was used up during a renewal is renewed next; for a client that has gone Redis is not asked',
  async t => {
    for (const { silentMs, calls } of [
      { silentMs: 350, calls: 1 },
      { silentMs: 6_050, calls: 0 }
    ]) {
      const setup = await openAdmissionSetup(t)
      const admission = setup.open()
      const crowd = users(3)
      const [first, second, third] = crowd as [Charge, Charge, Charge]
      for (let i = 0; i < 5; i++, setup.clock.nowMs += 500) await pass(setup, admission, [third])
      await setup.settled()
      for (const one of [first, second]) await pass(setup, admission, [one])
      for (const one of [first, first, second, second]) chargeNow(setup, admission, [one])
      setup.gate.mode = 'hang'
      begin(setup, admission, [first]).ready()
      begin(setup, admission, [second]).ready()
      t.match(chargeNow(setup, admission, [second]), { ok: true }, 'its last one')
      setup.gate.mode = 'pass'
      setup.calls()
      setup.clock.nowMs += silentMs
      t.equal(begin(setup, admission, [third]).ready(), undefined)
      t.strictSame([setup.calls(), setup.failures], [calls, []])
    }
  }
)

t.test('however many new subjects come at once, they share a few calls', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const crowd = users(300)
  const results = await Promise.all(crowd.map(one => pass(setup, admission, [one])))
  t.equal(passed(results), crowd.length)
  const calls = setup.calls()
  t.ok(calls <= 6 + 300 / 32, `${calls} calls`)
})

t.test('a call that died holds up no request that waits for another call', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const [dead, ...crowd] = users(41) as [Charge, ...Charge[]]
  setup.gate.mode = 'hang'
  void begin(setup, admission, [dead]).ready()
  setup.gate.mode = 'pass'
  // The clock stands still, so the dead call stays pending for ever.
  await Promise.all([1, 2, 3].map(() => begin(setup, admission, [], SESSION).ready()))
  t.equal(setup.calls(), 2, 'the view is read once')
  const results = await Promise.all(crowd.map(one => pass(setup, admission, [one])))
  t.equal(passed(results), crowd.length)
})

t.test('an invalid reply for one subject loses no grant of the others', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const [first, second] = users(2) as [Charge, Charge]
  setup.gate.mode = 'garble-first'
  await begin(setup, admission, [first, second], SESSION).ready()
  setup.gate.mode = 'pass'
  t.equal(setup.failures.length, 1)
  t.match(
    chargeNow(setup, admission, [second], 'refuse'),
    { ok: true, quotas: [{ remaining: 599 }] },
    'by its lease, not by a fallback quota'
  )
  t.match(chargeNow(setup, admission, [first], 'refuse'), { ok: false, problem: 'unavailable' })
  t.equal(begin(setup, admission, [second], SESSION).ready(), undefined, 'and the view was read')
})

t.test('a request that needs nothing from Redis leaves the probe to others', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open({ maxAgeMs: 100 })
  const [known, silent, fresh] = users(3) as [Charge, Charge, Charge]
  for (let i = 0; i < 5; i++, setup.clock.nowMs += 500) await pass(setup, admission, [known])
  await pass(setup, admission, [silent])
  for (let i = 0; i < 2; i++) chargeNow(setup, admission, [silent])
  setup.gate.mode = 'fail'
  await begin(setup, admission, [fresh]).ready()
  // Runs low, and is silent until its lease is over.
  begin(setup, admission, [silent]).ready()
  setup.clock.nowMs += 6_050
  setup.calls()
  t.equal(begin(setup, admission, [known]).ready(), undefined)
  t.equal(setup.calls(), 0)
  setup.gate.mode = 'pass'
  await begin(setup, admission, [], SESSION).ready()
  t.equal(setup.calls(), 1, 'a request that needs the view does not have to wait for the next probe')
})
