/** A remembered route equals the one that would be found, for each method by itself. */

import t from 'tap'
import { parsePolicies } from '../../../edge/contract/parse-policies.ts'
import { routePolicyFor } from '../../../edge/contract/policies.ts'
import { canonicalTarget } from '../../../edge/gateway/canonical-target.ts'
import { createRouteFinder } from '../../../edge/gateway/route-finder.ts'
import { createRandom, pick } from '../../../local/random.ts'

const PARSED = parsePolicies({
  quotas: {
    address: { by: 'address', limit: '300/60' },
    few: { by: 'address', limit: '3/60' },
    user: { by: 'user', limit: '600/60' }
  },
  routes: [
    { path: '/orders', methods: ['GET'], token: 'none', quotas: ['address'], onStoreFailure: 'fallback' },
    {
      path: '/orders',
      methods: 'any',
      token: 'required',
      quotas: ['user', 'few', 'address'],
      onStoreFailure: 'refuse'
    },
    { path: '/users/*', methods: 'any', token: 'required', quotas: [], onStoreFailure: 'fallback' },
    { path: '/*', methods: ['GET'], token: 'none', quotas: [], onStoreFailure: 'fallback' }
  ]
})
if (!PARSED.ok) throw new Error(PARSED.reason)
const POLICIES = PARSED.value

// biome-ignore format: one value a line would hide the list
const TARGETS = [
  '/orders', '/Orders', '/orders;x', '/orders/', '//orders', '/%6frders', '/orders?a=b', '/orders%2fx', '/users/me', '/users',
  '/users/..;/orders', '/health', '/', '/a%00', '/__proto__', '/orders%20', '/GET', '/x%20/orders'
] as const

t.test('the route of a URL is that of its canonical path, asked in any order and again', async t => {
  const find = createRouteFinder(POLICIES)
  const random = createRandom(51)
  for (let i = 0; i < 5_000; i++) {
    const method = pick(random, ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'])
    // New paths push out remembered ones.
    const target = random() < 0.5 ? pick(random, TARGETS) : `/users/${i}`
    const url = new URL(`http://edge.test${target}`)
    const canonical = canonicalTarget(url)
    const found = find(method, url)
    const policy = canonical && routePolicyFor(POLICIES.routes, method, canonical.path)
    if (found?.path !== canonical?.path || found?.policy !== policy) t.fail(`${method} ${target}`, { found, policy })
  }
  t.equal(
    find('GET', new URL('http://edge.test/orders%2fx')),
    undefined,
    'and undefined for a path that can be read in two ways'
  )
})

t.test('findRoute() separates quotas by address from quotas by user, in their order', async t => {
  const find = createRouteFinder(POLICIES)
  const names = (method: string) => {
    const route = find(method, new URL('http://edge.test/orders'))
    return [route?.byAddress.map(({ name }) => name), route?.byUser.map(({ name }) => name)]
  }
  for (let i = 0; i < 2; i++) {
    t.strictSame(names('GET'), [['address'], []])
    t.strictSame(names('POST'), [['few', 'address'], ['user']])
  }
})

t.test('two deployments remember nothing of each other', async t => {
  const [one, other] = [createRouteFinder(POLICIES), createRouteFinder({ ...POLICIES, routes: [] })]
  const url = new URL('http://edge.test/health')
  t.equal(one('GET', url)?.policy.token, 'none')
  t.equal(other('GET', url)?.policy.token, 'required')
})
