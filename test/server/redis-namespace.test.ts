/** Several systems in one Redis: each has its own quotas, blocks and ended sessions. */

import t from 'tap'
import { openRedis } from '../../edge/store/open-redis.ts'
import { call, mailedToken } from '../lib/person.ts'
import { redisEndpoint } from '../lib/test-engines.ts'
import { openTestOrigin } from '../lib/test-origin.ts'

t.test('systems with different namespaces do not see each other in one Redis', async t => {
  const redis = await redisEndpoint(t)
  const open = async (namespace: string) =>
    openTestOrigin(t, {
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      REDIS_NAMESPACE: namespace,
      QUOTA_REGISTER: '1/3600',
      LOGIN_FAILURES_ADDRESS: '1/600'
    })
  const systems = [await open('one'), await open('two.b')] as const
  const credentials = { email: 'ada@example.com', password: 'Correct-horse-7' }
  const wrong = { ...credentials, password: 'Another-horse-7' }
  for (const { url } of systems) {
    const post = async (path: string, body: object) =>
      (await call(url, 'POST', `/api/v1/auth/${path}`, { body })).status
    t.equal(await post('register', { ...credentials, name: 'Ada' }), 202, 'the first registration is within the quota')
    t.equal(await post('register', { ...credentials, name: 'Ada' }), 429)
    t.equal(await post('login', wrong), 401, 'the first failure is answered')
    t.equal(await post('login', wrong), 429)
  }

  const keys = await openRedis({ url: redis.url, token: redis.token }).keys('*')
  t.ok(keys.length > 6, 'quotas, failures and the feed of ended sessions are there')
  for (const namespace of ['one', 'two.b']) {
    const own = keys.filter(key => key.startsWith(`${namespace}:gatehouse:v1:`))
    for (const part of ['quota:', '{login-guard}:', '{revocation}:']) {
      t.ok(
        own.some(key => key.startsWith(`${namespace}:gatehouse:v1:${part}`)),
        `${namespace} ${part}`
      )
    }
  }
  t.notOk(
    keys.some(key => !/^(one|two\.b):gatehouse:v1:/.test(key)),
    'no key is without its namespace'
  )

  const [one] = systems
  const store = openRedis({ url: redis.url, token: redis.token })
  const failures = async () => (await store.keys('one:*{login-guard}*')).length
  const before = await failures()
  const token = await mailedToken(one.mailbox, credentials.email)
  t.equal((await call(one.url, 'POST', `/api/v1/auth/verify-email/${token}`)).status, 200)
  t.equal(await failures(), before - 2, 'an emailed link clears the failures of its account here')
})
