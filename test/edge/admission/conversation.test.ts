/** One request's conversation with the admission: which charges count at which step. */

import t from 'tap'
import { quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { begin, chargeNow, chargeOf, openAdmissionBench, pass, SESSION } from '../lib/admission-bench.ts'

const address = chargeOf('address', quotaPolicy(300, 60))
const user = chargeOf('user', quotaPolicy(600, 60), 'a user')

t.test(
  'identify() adds the charges of a user: they are asked for in the same call, and debited by charge()',
  async t => {
    const bench = await openAdmissionBench(t)
    const conversation = begin(bench, bench.open(), [address])
    t.equal(conversation.refusal(), undefined)
    t.equal(conversation.sessionStatus(), 'unknown', 'an anonymous request has no session')
    conversation.identify(SESSION, [user])
    await conversation.ready()
    t.equal(bench.calls(), 1)
    t.equal(conversation.sessionStatus(), 'live')
    t.match(conversation.charge('refuse'), {
      ok: true,
      quotas: [{ name: 'address' }, { name: 'user', remaining: 599 }]
    })
  }
)

t.test('chargeAnonymous() leaves the quotas of the user as they are', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const conversation = begin(bench, admission, [address])
  conversation.identify(SESSION, [user])
  await conversation.ready()
  const charged = conversation.chargeAnonymous('refuse')
  t.strictSame(
    charged.quotas.map(({ name, remaining }) => [name, remaining]),
    [['address', 299]]
  )
  t.match(chargeNow(bench, admission, [user], 'refuse'), { quotas: [{ remaining: 599 }] }, 'its lease is unspent')
})

t.test('refusal() knows the quotas of a user as soon as it is identified', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const single = chargeOf('single', quotaPolicy(1, 60), 'a user')
  await pass(bench, admission, [single])
  const conversation = begin(bench, admission, [address])
  t.equal(conversation.refusal(), undefined)
  conversation.identify(SESSION, [single])
  t.match(conversation.refusal(), { problem: 'rate-limited', quotas: [{ name: 'single' }] })
})

t.test('a request spends no lease that was given up while it waited: a clock was set back', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open()
  const conversation = begin(bench, admission, [address])
  await conversation.ready()
  bench.clock.nowMs -= 1_000
  await begin(bench, admission, [user]).ready()
  t.match(conversation.charge('fallback'), { ok: false, problem: 'unavailable' })
  t.match(await pass(bench, admission, [address]), { ok: true })
})

t.test('a request spends its lease also where other subjects have pushed it out of memory', async t => {
  const bench = await openAdmissionBench(t)
  const admission = bench.open({ maxSubjects: 2 })
  const conversation = begin(bench, admission, [address])
  await conversation.ready()
  for (let i = 0; i < 5; i++) await pass(bench, admission, [chargeOf('user', quotaPolicy(600, 60), `user ${i}`)])
  t.match(conversation.charge('refuse'), { ok: true })
})
