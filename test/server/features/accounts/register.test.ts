/** A registration is checked once: the rule that registers takes checked registrations only. */

import t from 'tap'
import type { AccountsOptions } from '../../../../server/features/accounts/options.ts'
import { createCheckRegistration, createRegister } from '../../../../server/features/accounts/register.ts'

const body = { email: 'Ada@Example.com', password: 'Correct-horse-7', name: 'Ada' }

/** The options of a service that counts the look-ups of leaked passwords and stores nothing. */
function openOptions() {
  const counts = { lookups: 0, hashes: 0 }
  const options = {
    passwordPolicy: {
      minLength: 8,
      classes: ['upper', 'lower', 'digit', 'symbol'],
      isLeaked: () => {
        counts.lookups++
        return false
      }
    },
    hasher: {
      hash: async () => {
        counts.hashes++
        return 'a hash'
      }
    },
    termsVersion: undefined,
    emailVerification: 'required',
    verificationTtl: 60,
    nowMs: Date.now,
    wakeMail: () => {},
    database: { transaction: async () => undefined }
  } as unknown as AccountsOptions
  return { options, counts }
}

t.test('createRegister() checks no policy again, and hashes once', async t => {
  const { options, counts } = openOptions()
  const checked = createCheckRegistration(options)(body)
  if (!checked.ok) return t.fail(checked.reason)
  t.match(checked.value, { email: 'ada@example.com', acceptedTermsVersion: null })
  const { lookups } = counts
  t.ok(lookups > 0)
  const client = { address: '192.0.2.1', userAgent: '', requestId: 'r' }
  t.match(await createRegister(options)(checked.value, client), { ok: true, value: { pending: true } })
  t.strictSame(counts, { lookups, hashes: 1 })
})

t.test('createRegister() takes no unchecked body', async t => {
  const { options } = openOptions()
  const register = createRegister(options)
  // @ts-expect-error an unchecked body must not compile
  const unchecked: Parameters<typeof register>[0] = body
  t.ok(unchecked)
})
