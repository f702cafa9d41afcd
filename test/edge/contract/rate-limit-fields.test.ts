/** The header fields that describe a client's quotas (draft-ietf-httpapi-ratelimit-headers-10). */

import t from 'tap'
import { quotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { type QuotaState, rateLimitFields, retryAfterSeconds } from '../../../edge/contract/rate-limit-fields.ts'
import { decide, ONE } from '../../../edge/limiter/sliced-window.ts'

const stateOf = (changes: Partial<QuotaState> = {}): QuotaState => ({
  name: 'user',
  policy: quotaPolicy(600, 60),
  remaining: 599,
  retryAfterMs: 0,
  ...changes
})

t.test('rateLimitFields() announces the effective window: the configured one and a slice', async t => {
  t.strictSame(rateLimitFields([stateOf()]), {
    ratelimit: '"user";r=599;t=61',
    'ratelimit-policy': '"user";q=600;w=61'
  })
  t.match(rateLimitFields([stateOf({ policy: quotaPolicy(5, 3600) })]), { 'ratelimit-policy': '"user";q=5;w=3630' })
})

t.test('rateLimitFields() lists every quota in its order, and the wait where one refuses', async t => {
  const refused = stateOf({ name: 'auth', policy: quotaPolicy(60, 60), remaining: 0, retryAfterMs: 12_001 })
  t.strictSame(rateLimitFields([stateOf(), refused]), {
    ratelimit: '"user";r=599;t=61, "auth";r=0;t=13',
    'ratelimit-policy': '"user";q=600;w=61, "auth";q=60;w=61'
  })
})

t.test(
  'rateLimitFields() announces no wait beyond the window, however far ahead other requests were debited',
  async t => {
    for (const retryAfterMs of [1, 60_000, 60_500, 61_000, 61_001, 80_500]) {
      const fields = rateLimitFields([stateOf({ remaining: 0, retryAfterMs })])
      const [wait, window] = [
        /;t=(\d+)/.exec(fields.ratelimit ?? ''),
        /;w=(\d+)/.exec(fields['ratelimit-policy'] ?? '')
      ]
      t.equal(Number(wait?.[1]), retryAfterSeconds(retryAfterMs), 'the wait is the one of Retry-After')
      t.ok(Number(wait?.[1]) <= Number(window?.[1]), `${retryAfterMs} ms`)
    }
  }
)

t.test('the longest wait of a full quota is the window announced with its first request', async t => {
  for (const policy of [quotaPolicy(5, 60), quotaPolicy(5, 3600), quotaPolicy(5, 1)]) {
    for (const startMs of [1_800_000_000_000, 1_800_000_000_001, 1_800_000_000_499]) {
      const full = decide(policy, [], { waiting: 5, want: 5, lifeMs: 0, settlements: [] }, startMs)
      const { retryAfterMs } = decide(policy, full.slices, ONE, startMs).grant
      const window = /;w=(\d+)/.exec(rateLimitFields([stateOf({ policy })])['ratelimit-policy'] ?? '')
      t.ok(retryAfterSeconds(retryAfterMs) <= Number(window?.[1]), `${policy.windowMs} ms: ${retryAfterMs} ms`)
    }
  }
})

t.test('rateLimitFields() returns no fields where nothing was counted', async t => {
  t.strictSame(rateLimitFields([]), {})
})

t.test('retryAfterSeconds() is the wait in seconds, rounded up', async t => {
  for (const waitMs of [1, 999, 1000, 1001, 59_999, 60_000, 60_001, 1_800_000]) {
    const seconds = retryAfterSeconds(waitMs)
    t.ok(Number.isInteger(seconds) && seconds * 1000 >= waitMs, `${waitMs} ms`)
    t.ok((seconds - 1) * 1000 < waitMs, 'and no second more')
  }
  t.equal(retryAfterSeconds(0), 1, 'and never an invitation to ask at once')
})
