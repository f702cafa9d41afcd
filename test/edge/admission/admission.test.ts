/**
 * Whether a request may pass, over a real REST gateway: how many Redis calls that charges, and the outcome where they
 * fail.
 *
 * Over 200 lines: one rule a test, all over one setup.
 */

import { randomUUID } from 'node:crypto'
import t from 'tap'
import { quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { retryAfterSeconds } from '../../../edge/contract/rate-limit-fields.ts'
import { begin, chargeNow, chargeOf, openAdmissionSetup, pass, passed, SESSION } from '../lib/admission-setup.ts'

const address = chargeOf('address', quotaPolicy(300, 60))
const auth = chargeOf('auth', quotaPolicy(60, 60))
const user = chargeOf('user', quotaPolicy(600, 60), 'a user')

t.test(
  'three quotas and the revocation view take one round trip, and the next requests only for the small one',
  async t => {
    const setup = await openAdmissionSetup(t)
    const admission = setup.open()
    const charges = [address, auth, user]
    await begin(setup, admission, charges, SESSION).ready()
    t.strictSame([setup.calls(), setup.commands()], [1, 4])
    const results = chargeNow(setup, admission, charges)
    t.ok(results.ok)
    t.strictSame(
      results.quotas.map(({ name, remaining, retryAfterMs }) => [name, remaining, retryAfterMs]),
      [
        ['address', 299, 0],
        ['auth', 59, 0],
        ['user', 599, 0]
      ]
    )
    t.equal(begin(setup, admission, [], SESSION).sessionStatus(), 'live')

    t.equal(begin(setup, admission, [], SESSION).ready(), undefined, 'the view is fresh')
    await begin(setup, admission, charges, SESSION).ready()
    t.strictSame(
      [setup.calls(), setup.commands()],
      [1, 1],
      'the lease of "auth" was for one, and the view is not read again'
    )
  }
)

for (const crowd of [2, 50, 250]) {
  t.test(`${crowd} cold requests of one subject at once make three round trips at most, and all pass`, async t => {
    const setup = await openAdmissionSetup(t)
    const admission = setup.open()
    const results = await Promise.all(Array.from({ length: crowd }, () => pass(setup, admission, [address])))
    await setup.settled()
    t.equal(passed(results), crowd)
    const calls = setup.calls()
    t.ok(calls >= 1 && calls <= 3, `${calls} round trips`)
  })
}

t.test('of fifty requests at once to a quota of twenty, exactly twenty pass, also through four instances', async t => {
  const setup = await openAdmissionSetup(t)
  const small = chargeOf('small', quotaPolicy(20, 60))
  const instances = Array.from({ length: 4 }, () => setup.open())
  const results = await Promise.all(
    instances.flatMap(one => Array.from({ length: 50 }, () => pass(setup, one, [small])))
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
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  let [waited, renewed] = [0, 0]
  for (let i = 0; i < 600; i++) {
    const preparing = begin(setup, admission, [user], SESSION).ready()
    if (preparing !== undefined) waited++
    await preparing
    if (!chargeNow(setup, admission, [user]).ok) t.fail(`request ${i} was refused`)
    renewed += await setup.settled()
    setup.clock.nowMs += 120
  }
  t.ok(waited <= 6, `${waited} of 600 requests waited`)
  t.ok(renewed > 0 && setup.calls() <= 0.25 * 600, `${renewed} renewals: the view is due twice a second`)
})

t.test('charges are debited all together, or none of them', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const tiny = chargeOf('tiny', quotaPolicy(1, 60))
  t.match(await pass(setup, admission, [address, tiny]), { ok: true })
  for (let i = 0; i < 20; i++)
    t.match(await pass(setup, admission, [address, tiny]), {
      problem: 'rate-limited',
      quotas: [{ name: 'tiny', remaining: 0 }]
    })
  const { quotas } = await pass(setup, admission, [address])
  t.match(quotas, [{ name: 'address', remaining: 298 }], 'two in all')
})

t.test('charges are debited all together, or none of them, also by fallback quotas', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const tiny = chargeOf('tiny', quotaPolicy(1, 60))
  setup.gate.mode = 'fail'
  t.match(await pass(setup, admission, [address, tiny]), { ok: true })
  for (let i = 0; i < 40; i++)
    t.match(chargeNow(setup, admission, [address, tiny]), { problem: 'rate-limited', quotas: [{ name: 'tiny' }] })
  t.match(chargeNow(setup, admission, [address]), { ok: true, quotas: [{ remaining: 28 }] })
})

t.test('a refused request passes after exactly the announced wait, at any instance', async t => {
  const setup = await openAdmissionSetup(t)
  const [here, there] = [setup.open(), setup.open()]
  const single = chargeOf('single', quotaPolicy(1, 60))
  t.match(await pass(setup, here, [single]), { ok: true })
  // Late enough that a part for later fits into the life of a lease.
  setup.clock.nowMs += 60_450
  const refused = await pass(setup, here, [single])
  if (refused.ok) throw new Error('expected a refusal')
  t.equal(refused.problem, 'rate-limited')
  setup.clock.nowMs += retryAfterSeconds(refused.retryAfterMs) * 1_000
  t.match(await pass(setup, there, [single]), { ok: true })
})

t.test('refusal() refuses from memory a quota that is known to be used up, and asks and debits nothing', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const tiny = chargeOf('tiny', quotaPolicy(1, 60))
  t.equal(begin(setup, admission, [tiny]).refusal(), undefined, 'nothing is known')
  await pass(setup, admission, [tiny])
  setup.calls()
  t.match(begin(setup, admission, [address, tiny]).refusal(), { problem: 'rate-limited', quotas: [{ name: 'tiny' }] })
  t.equal(begin(setup, admission, [tiny]).ready(), undefined)
  t.equal(setup.calls(), 0)
  setup.clock.nowMs += 61_000
  t.equal(begin(setup, admission, [tiny]).refusal(), undefined)
  t.match(await pass(setup, admission, [tiny]), { ok: true })
})

t.test('after a failure no request waits: the fallback quotas decide, and report how often', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  setup.gate.mode = 'fail'
  const results = [await pass(setup, admission, [address])]
  t.equal(setup.calls(), 1)
  for (let i = 0; i < 49; i++) {
    t.equal(begin(setup, admission, [address], SESSION).ready(), undefined, 'at once')
    results.push(chargeNow(setup, admission, [address]))
  }
  t.equal(setup.calls(), 0, 'Redis is not called')
  t.equal(passed(results), 30, 'a tenth of the quota')
  t.match(results.at(-1), { problem: 'rate-limited', quotas: [{ name: 'address', remaining: 0 }] })
  t.equal(begin(setup, admission, [], SESSION).sessionStatus(), 'unknown', 'but the status of a session is unknown')

  for (let probe = 0; probe < 2; probe++) {
    setup.clock.nowMs += 250
    begin(setup, admission, [address]).ready()
    await setup.settled()
  }
  t.strictSame(
    setup.failures.map(({ error, answeredByFallback }) => [error.name, answeredByFallback]),
    [
      ['StoreError', 0],
      ['StoreError', 50],
      ['StoreError', 0]
    ]
  )
  t.notMatch(setup.failures.map(({ error }) => error.message).join(), /somebody|local quota/)
})

t.test('a request that would be refused for lack of a view waits for the one probe of Redis', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  setup.gate.mode = 'fail'
  await pass(setup, admission, [address])
  setup.gate.mode = 'pass'
  setup.clock.nowMs += 1_000
  setup.calls()
  const [first, ...others] = [1, 2, 3].map(() => begin(setup, admission, [address], SESSION).ready())
  t.strictSame(others, [undefined, undefined], 'one of them')
  t.equal(setup.calls(), 1)
  await first
  t.equal(begin(setup, admission, [], SESSION).sessionStatus(), 'live', 'one slow call causes no second refusal')
})

t.test('one request per breakerResetMs probes Redis, behind itself', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  setup.gate.mode = 'fail'
  await pass(setup, admission, [address])
  setup.calls()
  const twenty = async () => {
    const prepared = Array.from({ length: 20 }, () => begin(setup, admission, [address]).ready())
    t.ok(
      prepared.every(waits => waits === undefined),
      'no request waits'
    )
    await setup.settled()
    return setup.calls()
  }
  setup.clock.nowMs += 249
  t.equal(await twenty(), 0)
  setup.clock.nowMs += 1
  t.equal(await twenty(), 1)
  t.equal(await twenty(), 0)
  setup.gate.mode = 'pass'
  setup.clock.nowMs += 250
  t.equal(await twenty(), 1)
  t.match(await pass(setup, admission, [address]), { quotas: [{ remaining: 299 }] }, 'and got a lease')
})

t.test('a clock that was set back does not keep Redis away', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  setup.gate.mode = 'fail'
  await pass(setup, admission, [address])
  await setup.settled()
  setup.gate.mode = 'pass'
  setup.clock.nowMs -= 3_600_000
  begin(setup, admission, [address], SESSION).ready()
  t.equal(await setup.settled(), 1)
  t.match(await pass(setup, admission, [address]), { quotas: [{ remaining: 299 }] })
})

t.test('a clock that was set back does not stretch the life of a lease: all of them are given up', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const one = async (afterMs: number) => {
    setup.clock.nowMs += afterMs
    await begin(setup, admission, [user]).ready()
    t.match(chargeNow(setup, admission, [user]), { ok: true })
    await setup.settled()
    return setup.calls()
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
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const crowd = Array.from({ length: 10 }, () => begin(setup, admission, [address]).ready())
  await Promise.all(crowd)
  setup.gate.mode = 'fail'
  const charged = chargeNow(setup, admission, [address], 'refuse')
  t.ok(charged.ok)
  t.match(charged.quotas, [{ name: 'address', retryAfterMs: 0 }], 'even on a route without fallback quotas')
})

t.test('while Redis is away one request per breakerResetMs tries a renewal, not every request', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  await begin(setup, admission, [address], SESSION).ready()
  setup.gate.mode = 'fail'
  setup.calls()
  const twenty = async () => {
    for (let i = 0; i < 20; i++) {
      t.equal(begin(setup, admission, [], SESSION).ready(), undefined)
      await setup.settled()
    }
    return setup.calls()
  }
  setup.clock.nowMs += 501
  t.equal(await twenty(), 1, 'the view was due, and the first request noticed the failure')
  setup.clock.nowMs += 249
  t.equal(await twenty(), 0)
  setup.clock.nowMs += 1
  t.equal(await twenty(), 1)
})

t.test("where a route chose 'refuse', no request passes while its quota is unknown", async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  setup.gate.mode = 'fail'
  await begin(setup, admission, [address]).ready()
  t.strictSame(chargeNow(setup, admission, [address], 'refuse'), {
    ok: false,
    problem: 'unavailable',
    quotas: [],
    retryAfterMs: 1_000
  })
  t.match(chargeNow(setup, admission, [address]), { ok: true })
})

t.test('charge() without ready() refuses: the quota is unknown, and Redis has not failed', async t => {
  const setup = await openAdmissionSetup(t)
  t.match(chargeNow(setup, setup.open(), [address]), { ok: false, problem: 'unavailable' })
})

t.test('a request that died during its call holds up no other one for longer than an answer may take', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  setup.gate.mode = 'hang'
  void begin(setup, admission, [address], SESSION).ready()
  setup.gate.mode = 'pass'
  let arrived = 0
  const waiting = Array.from({ length: 10 }, async () => {
    const results = await pass(setup, admission, [address])
    arrived++
    return results
  })
  setup.clock.nowMs += 349
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame([arrived, setup.calls()], [0, 1], 'the others wait for it')
  setup.clock.nowMs += 1
  t.equal(passed(await Promise.all(waiting)), 10)
  t.ok(setup.calls() <= 3)
  t.equal(begin(setup, admission, [], SESSION).sessionStatus(), 'unknown', 'they did not ask for the view')
  await begin(setup, admission, [address], SESSION).ready()
  t.equal(begin(setup, admission, [], SESSION).sessionStatus(), 'live')
})

t.test('a grant whose answer was lost stays debited, and admits no request', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const small = chargeOf('small', quotaPolicy(20, 60))
  setup.gate.mode = 'lose'
  await begin(setup, admission, [small]).ready()
  setup.gate.mode = 'pass'
  const others = Array.from({ length: 30 }, async () => pass(setup, setup.open(), [small]))
  t.equal(passed(await Promise.all(others)), 19)
})

t.test('a view that is too old is read before any request passes, by one for all; a stale one behind', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const prepare = () => begin(setup, admission, [], SESSION).ready()
  await Promise.all(Array.from({ length: 20 }, prepare))
  t.equal(setup.calls(), 1)
  t.equal(await setup.settled(), 1, 'also where the client of that request hangs up meanwhile')
  await setup.feed.publish([SESSION.sid])
  setup.clock.nowMs += 500
  t.equal(prepare(), undefined)
  t.equal(setup.calls(), 0, 'still fresh')
  setup.clock.nowMs += 1
  t.equal(prepare(), undefined, 'no request waits for a renewal')
  t.equal(await setup.settled(), 1)
  t.equal(begin(setup, admission, [], SESSION).sessionStatus(), 'ended')
  setup.calls()
  setup.clock.nowMs += 1_001
  t.ok(prepare(), 'and with a view that is too old, a request waits')
  t.equal(setup.calls(), 1)
})

t.test('a strict view is read for every request', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open({ maxAgeMs: 0 })
  for (let i = 0; i < 5; i++) {
    setup.clock.nowMs += 1
    await begin(setup, admission, [], SESSION).ready()
    t.equal(begin(setup, admission, [], SESSION).sessionStatus(), 'live')
  }
  t.equal(setup.calls(), 5)
  await setup.feed.publish([SESSION.sid])
  setup.clock.nowMs += 1
  t.equal(begin(setup, admission, [], { ...SESSION, sid: randomUUID() }).sessionStatus(), 'unknown')
  await begin(setup, admission, [], SESSION).ready()
  t.equal(begin(setup, admission, [], SESSION).sessionStatus(), 'ended')
})

t.test('a crowd of new subjects is forgotten again, and their leases are stranded, not given away', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open({ maxSubjects: 10 })
  const small = chargeOf('small', quotaPolicy(3, 60))
  t.match(await pass(setup, admission, [small]), { quotas: [{ remaining: 2 }] })
  for (let i = 0; i < 20; i++) await pass(setup, admission, [chargeOf('small', quotaPolicy(3, 60), `new ${i}`)])
  t.match(await pass(setup, admission, [small]), { quotas: [{ remaining: 1 }] }, 'Redis still knows')
})
