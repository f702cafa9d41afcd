/** One request's conversation with the admission: which charges count at which step. */

import t from 'tap'
import { quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { begin, chargeNow, chargeOf, openAdmissionSetup, pass, SESSION } from '../lib/admission-setup.ts'

const address = chargeOf('address', quotaPolicy(300, 60))
const user = chargeOf('user', quotaPolicy(600, 60), 'a user')

t.test(
  'identify() adds the charges of a user: they are asked for in the same call, and debited by charge()',
  async t => {
    const setup = await openAdmissionSetup(t)
    const conversation = begin(setup, setup.open(), [address])
    t.equal(conversation.refusal(), undefined)
    t.equal(conversation.sessionStatus(), 'unknown', 'an anonymous request has no session')
    conversation.identify(SESSION, [user])
    await conversation.ready()
    t.equal(setup.calls(), 1)
    t.equal(conversation.sessionStatus(), 'live')
    t.match(conversation.charge('refuse'), {
      ok: true,
      quotas: [{ name: 'address' }, { name: 'user', remaining: 599 }]
    })
  }
)

t.test('chargeAnonymous() leaves the quotas of the user as they are', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const conversation = begin(setup, admission, [address])
  conversation.identify(SESSION, [user])
  await conversation.ready()
  const charged = conversation.chargeAnonymous('refuse')
  t.strictSame(
    charged.quotas.map(({ name, remaining }) => [name, remaining]),
    [['address', 299]]
  )
  t.match(chargeNow(setup, admission, [user], 'refuse'), { quotas: [{ remaining: 599 }] }, 'its lease is unspent')
})

t.test('refusal() knows the quotas of a user as soon as it is identified', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const single = chargeOf('single', quotaPolicy(1, 60), 'a user')
  await pass(setup, admission, [single])
  const conversation = begin(setup, admission, [address])
  t.equal(conversation.refusal(), undefined)
  conversation.identify(SESSION, [single])
  t.match(conversation.refusal(), { problem: 'rate-limited', quotas: [{ name: 'single' }] })
})

t.test('a request spends no lease that was given up while it waited: a clock was set back', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open()
  const conversation = begin(setup, admission, [address])
  await conversation.ready()
  setup.clock.nowMs -= 1_000
  await begin(setup, admission, [user]).ready()
  t.match(conversation.charge('fallback'), { ok: false, problem: 'unavailable' })
  t.match(await pass(setup, admission, [address]), { ok: true })
})

t.test('a request spends its lease also where other subjects have pushed it out of memory', async t => {
  const setup = await openAdmissionSetup(t)
  const admission = setup.open({ maxSubjects: 2 })
  const conversation = begin(setup, admission, [address])
  await conversation.ready()
  for (let i = 0; i < 5; i++) await pass(setup, admission, [chargeOf('user', quotaPolicy(600, 60), `user ${i}`)])
  t.match(conversation.charge('refuse'), { ok: true })
})
