/** What a client is told about its quotas (draft-ietf-httpapi-ratelimit-headers-10). */

import t from 'tap'
import { quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { type QuotaStanding, rateLimitFields, retryAfterSeconds } from '../../../edge/contract/rate-limit-fields.ts'

const standing = (changes: Partial<QuotaStanding> = {}): QuotaStanding => ({
  name: 'user',
  policy: quotaPolicy(600, 60),
  remaining: 599,
  retryAfterMs: 0,
  ...changes
})

t.test('rateLimitFields() spells the example of the contract', async t => {
  t.strictSame(rateLimitFields([standing()]), {
    ratelimit: '"user";r=599;t=60',
    'ratelimit-policy': '"user";q=600;w=60'
  })
})

t.test('rateLimitFields() lists every quota in its order, and the wait where one refuses', async t => {
  const refused = standing({ name: 'auth', policy: quotaPolicy(60, 60), remaining: 0, retryAfterMs: 12_001 })
  t.strictSame(rateLimitFields([standing(), refused]), {
    ratelimit: '"user";r=599;t=60, "auth";r=0;t=13',
    'ratelimit-policy': '"user";q=600;w=60, "auth";q=60;w=60'
  })
})

t.test('rateLimitFields() says nothing where nothing was counted', async t => {
  t.strictSame(rateLimitFields([]), {})
})

t.test('retryAfterSeconds() is the least whole number of seconds that is no shorter than the wait', async t => {
  for (const waitMs of [1, 999, 1000, 1001, 59_999, 60_000, 60_001, 1_800_000]) {
    const seconds = retryAfterSeconds(waitMs)
    t.ok(Number.isInteger(seconds) && seconds * 1000 >= waitMs, `${waitMs} ms`)
    t.ok((seconds - 1) * 1000 < waitMs, 'and no second more')
  }
  t.equal(retryAfterSeconds(0), 1, 'and never an invitation to ask at once')
})
