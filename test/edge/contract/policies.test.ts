/** The route table against the HTTP contract, which stands here as data, and the grammar of quotas. */

import t from 'tap'
import {
  DEFAULT_EDGE_QUOTAS,
  gatehousePolicies,
  type RoutePolicy,
  routePolicyFor
} from '../../../edge/contract/policies.ts'
import { parseQuotaPolicy, quotaPolicy } from '../../../edge/contract/quota-policy.ts'

type Expected = readonly [token: 'required' | 'none', ...quotas: 'auth'[]]

const ID = '0199a8d4-1c00-7000-8000-0000000000a1'

/** Every path of the contract below the prefix: whether it needs a token, and whether the quota `auth` applies, too. */
const CONTRACT: Readonly<Record<string, Expected>> = {
  '/auth/register': ['none', 'auth'],
  '/auth/login': ['none', 'auth'],
  '/auth/refresh': ['none', 'auth'],
  '/auth/logout': ['none', 'auth'],
  [`/auth/verify-email/${'A'.repeat(43)}`]: ['none', 'auth'],
  [`/auth/cancel-email-change/${'A'.repeat(43)}`]: ['none', 'auth'],
  '/auth/resend-verification': ['none', 'auth'],
  '/auth/forgot-password': ['none', 'auth'],
  '/auth/reset-password': ['none', 'auth'],
  '/auth/verify-token': ['required', 'auth'],
  '/auth/sessions': ['required', 'auth'],
  [`/auth/sessions/${ID}`]: ['required', 'auth'],
  '/auth/sessions/all': ['required', 'auth'],
  '/users/me': ['required'],
  '/users/me/password': ['required'],
  '/users/me/email': ['required'],
  '/users/me/export': ['required'],
  '/admin/users': ['required'],
  [`/admin/users/${ID}`]: ['required'],
  [`/admin/users/${ID}/sessions`]: ['required'],
  '/admin/audit-events': ['required']
}

// biome-ignore format: one value a line would hide the list
const OUTSIDE: readonly string[] = [
  '/', '/.well-known/jwks.json', '/health/live', '/health/ready', '/docs', '/openapi.json', '/problems/token-expired',
  '/verify-email', '/reset-password', '/cancel-email-change', '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration', '/.well-known/change-password', '/.well-known/security.txt'
]

for (const prefix of ['/api/v1', '/v2', '/a/b/c']) {
  const { routes } = gatehousePolicies(prefix)

  t.test(`every route of the contract has its policy under ${prefix}`, async t => {
    for (const [path, [token, ...more]] of Object.entries(CONTRACT)) {
      const quotas = ['address', ...more, ...(token === 'required' ? ['user'] : [])]
      for (const method of ['GET', 'POST', 'DELETE'])
        t.match(routePolicyFor(routes, method, prefix + path), { token, quotas, onStoreFailure: 'fallback' }, path)
    }
    for (const path of OUTSIDE)
      t.match(routePolicyFor(routes, 'GET', path), { token: 'none', quotas: ['address'] }, path)
  })

  t.test(`a protected path includes all paths below it, and no neighbour, under ${prefix}`, async t => {
    for (const path of [
      '/users',
      '/users/',
      '/users/x/y/z',
      '/admin',
      '/admin/',
      '/auth/sessions/',
      '/auth/sessions/x/y'
    ]) {
      t.equal(routePolicyFor(routes, 'GET', prefix + path).token, 'required', path)
    }
    for (const path of ['/usersx', '/user', '/administrator', '/auth/sessionsx', '/auth/verify-tokens', '/authx']) {
      t.equal(routePolicyFor(routes, 'GET', prefix + path).token, 'none', path)
    }
    t.strictSame(routePolicyFor(routes, 'GET', `${prefix}/authx`).quotas, ['address'], 'and has no quota of theirs')
  })
}

const route = (path: string, token: 'required' | 'none', methods: RoutePolicy['methods'] = 'any'): RoutePolicy => {
  return { path, methods, token, quotas: [], onStoreFailure: 'fallback' }
}

t.test('routePolicyFor() returns the first match', async t => {
  const [first, second] = [route('/a/*', 'none'), route('/a/b', 'required')]
  t.equal(routePolicyFor([first, second], 'GET', '/a/b'), first)
  t.equal(routePolicyFor([second, first], 'GET', '/a/b'), second)
  t.equal(routePolicyFor([second, first], 'GET', '/a/b/c'), first)
})

t.test('routePolicyFor() matches by method, and GET includes HEAD', async t => {
  const [reading, writing] = [route('/a', 'none', ['GET']), route('/a', 'required', ['PUT', 'DELETE'])]
  const matched = (method: string) => routePolicyFor([reading, writing], method, '/a')
  for (const method of ['GET', 'HEAD', 'get', 'head']) t.equal(matched(method), reading, method)
  for (const method of ['PUT', 'DELETE']) t.equal(matched(method), writing, method)
  for (const method of ['POST', 'OPTIONS', 'PROPFIND', '', 'GETX', 'any'])
    t.match(matched(method), { token: 'required', onStoreFailure: 'refuse' }, `nothing matches "${method}"`)
  t.match(routePolicyFor([route('/a', 'none', ['HEAD'])], 'GET', '/a'), { token: 'required' }, 'and HEAD no GET')
})

t.test('routePolicyFor() matches the plain path, so that no spelling is less protected', async t => {
  const routes = [route('/Api/Users', 'required'), route('/api/admin/*', 'required'), route('/*', 'none')]
  // biome-ignore format: one value a line would hide the list
  const spellings = [
    '/api/users', '/API/USERS', '/api/users/', '/api/users//', '/api//users', '/api/users;x', '/api;x=1/users;y=2',
    '/api/;x/users', '/api/users%3Bx', '/api/%75sers', '/%41PI/users', '/api/users;', '/api/users;a;b',
    '/api/admin', '/api/admin/', '/api/ADMIN/x', '/api/admin;x/y', '/api/%61dmin/x', '/api/admin/x;/../y'
  ]
  for (const path of spellings) t.equal(routePolicyFor(routes, 'GET', path).token, 'required', path)
  for (const path of ['/', '/api', '/api/usersx', '/api/x/users', '/api/users/x', '/api/adminx', '/x;/api/users'])
    t.equal(routePolicyFor(routes, 'GET', path).token, 'none', path)
})

t.test(
  'routePolicyFor() makes a path public only where the strictest and the most lenient origin both would',
  async t => {
    const routes = [route('/health', 'none'), route('/Files/*', 'none'), route('/*', 'required')]
    for (const path of ['/health', '/Files', '/Files/', '/Files/x', '/Files/A;b/%3B'])
      t.equal(routePolicyFor(routes, 'GET', path).token, 'none', path)
    // biome-ignore format: one value a line would hide the list
    const others = [
    '/Health', '/HEALTH', '/health/', '/health;', '/health;x', '/health%3Bx', '/healt%68', '/;x/health', '/files/x',
    '/Files;x/y', '/FILES'
  ]
    for (const path of others) t.equal(routePolicyFor(routes, 'GET', path).token, 'required', path)
  }
)

t.test('routePolicyFor() ignores case in every alphabet, as case-insensitive routers do', async t => {
  const routes = [route('/api/tokens', 'required'), route('/*', 'none')]
  for (const letters of [
    'to%E2%84%AAens',
    'toKens',
    'token%C5%BF',
    '%EF%BD%94okens',
    'to%e2%84%aaens;x',
    'to%E2%84%AAens;%FF',
    'token%C5%BF%3B%FF'
  ])
    t.equal(routePolicyFor(routes, 'GET', `/api/${letters}`).token, 'required', letters)
  for (const letters of ['token%FF', '%C3%28', '%'])
    t.equal(routePolicyFor(routes, 'GET', `/api/${letters}`).token, 'none')
})

t.test('routePolicyFor() requires a token where nothing matches', async t => {
  for (const routes of [[], [route('/a', 'none')]]) {
    for (const path of ['/', '/b', '/a/b', '/ab', '', '__proto__'])
      t.equal(routePolicyFor(routes, 'GET', path).token, 'required', path)
  }
})

t.test('parseQuotaPolicy() reads requests and seconds', async t => {
  t.strictSame(parseQuotaPolicy('300/60'), { quota: 300, windowMs: 60_000, sliceMs: 500 })
  t.strictSame(parseQuotaPolicy('1/1'), { quota: 1, windowMs: 1000, sliceMs: 8 })
  t.strictSame(parseQuotaPolicy('999999999/999999'), quotaPolicy(999_999_999, 999_999))
})

t.test('parseQuotaPolicy() refuses every text that is not two plain positive numbers', async t => {
  // biome-ignore format: one value a line would hide the list
  const hostile = [
    '', '/', '300', '300/', '/60', '0/60', '300/0', '-1/60', '300/-1', '+1/60', '1.5/60', '300/1.5', '1e3/60', '0x10/60',
    '0300/60', '300/060', ' 300/60', '300/60 ', '300/60\n', '300 / 60', '300/60/1', '300:60', 'NaN/60', 'Infinity/1',
    '1000000000/60', '300/1000000', '３00/60', '1_000/60', '1,000/60', '__proto__', '\ud800'
  ]
  for (const text of hostile) t.equal(parseQuotaPolicy(text), undefined, JSON.stringify(text))
})

t.test('the quotas of the contract are the defaults: 300, 60 and 600 a minute', async t => {
  t.strictSame(DEFAULT_EDGE_QUOTAS, { address: '300/60', auth: '60/60', user: '600/60' })
  for (const text of Object.values(DEFAULT_EDGE_QUOTAS)) t.ok(parseQuotaPolicy(text), text)
})
