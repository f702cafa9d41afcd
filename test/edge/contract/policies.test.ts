/** The route table against the HTTP contract, which is held here as data, and the reading of quotas. */

import t from 'tap'
import {
  DEFAULT_EDGE_QUOTAS,
  gatehouseRoutes,
  parseQuotaPolicy,
  quotaPolicy,
  routePolicyFor
} from '../../../edge/contract/policies.ts'

type Expected = readonly [token: 'required' | 'none', ...quotas: 'auth'[]]

const ID = '0199a8d4-1c00-7000-8000-0000000000a1'

/** Every path of the contract below the prefix: whether it needs an access token, and what counts besides `address`. */
const CONTRACT: Readonly<Record<string, Expected>> = {
  '/auth/register': ['none', 'auth'],
  '/auth/login': ['none', 'auth'],
  '/auth/refresh': ['none', 'auth'],
  '/auth/logout': ['none', 'auth'],
  [`/auth/verify-email/${'A'.repeat(43)}`]: ['none', 'auth'],
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
  '/verify-email', '/reset-password'
]

for (const prefix of ['/api/v1', '/v2', '/a/b/c']) {
  const routes = gatehouseRoutes(prefix)

  t.test(`every route of the contract has its policy under ${prefix}`, async t => {
    for (const [path, [token, ...quotas]] of Object.entries(CONTRACT)) {
      t.match(routePolicyFor(routes, prefix + path), { token, quotas }, path)
    }
    for (const path of OUTSIDE) t.match(routePolicyFor(routes, path), { token: 'none', quotas: [] }, path)
  })

  t.test(`a protected path stays protected with anything below it, and no neighbour is, under ${prefix}`, async t => {
    for (const path of [
      '/users',
      '/users/',
      '/users/x/y/z',
      '/admin',
      '/admin/',
      '/auth/sessions/',
      '/auth/sessions/x/y'
    ]) {
      t.equal(routePolicyFor(routes, prefix + path).token, 'required', path)
    }
    for (const path of ['/usersx', '/user', '/administrator', '/auth/sessionsx', '/auth/verify-tokens', '/authx']) {
      t.equal(routePolicyFor(routes, prefix + path).token, 'none', path)
    }
    t.strictSame(routePolicyFor(routes, `${prefix}/authx`).quotas, [], 'and a neighbour has no quota of theirs')
  })
}

t.test('routePolicyFor() takes the first match', async t => {
  const first = { path: '/a/*', token: 'none', quotas: [] } as const
  const second = { path: '/a/b', token: 'required', quotas: ['auth'] } as const
  t.equal(routePolicyFor([first, second], '/a/b'), first)
  t.equal(routePolicyFor([second, first], '/a/b'), second)
  t.equal(routePolicyFor([second, first], '/a/b/c'), first)
})

t.test('routePolicyFor() requires a token where nothing matches', async t => {
  for (const routes of [[], [{ path: '/a', token: 'none', quotas: [] }] as const]) {
    for (const path of ['/', '/b', '/a/', '/a/b', '/A', '', '__proto__']) {
      t.equal(routePolicyFor(routes, path).token, 'required', path)
    }
  }
})

t.test('parseQuotaPolicy() reads requests and seconds', async t => {
  t.strictSame(parseQuotaPolicy('300/60'), { quota: 300, windowMs: 60_000, sliceMs: 1000 })
  t.strictSame(parseQuotaPolicy('1/1'), { quota: 1, windowMs: 1000, sliceMs: 16 })
  t.strictSame(parseQuotaPolicy('999999999/999999'), quotaPolicy(999_999_999, 999_999))
})

t.test('parseQuotaPolicy() refuses everything that is not two plain positive numbers', async t => {
  // biome-ignore format: one value a line would hide the list
  const hostile = [
    '', '/', '300', '300/', '/60', '0/60', '300/0', '-1/60', '300/-1', '+1/60', '1.5/60', '300/1.5', '1e3/60', '0x10/60',
    '0300/60', '300/060', ' 300/60', '300/60 ', '300/60\n', '300 / 60', '300/60/1', '300:60', 'NaN/60', 'Infinity/1',
    '1000000000/60', '300/1000000', '３00/60', '1_000/60', '1,000/60', '__proto__', '\ud800'
  ]
  for (const text of hostile) t.equal(parseQuotaPolicy(text), undefined, JSON.stringify(text))
})

t.test('the quotas of the contract are the defaults: 300, 60 and 600 a minute', async t => {
  const { address, auth, user } = DEFAULT_EDGE_QUOTAS
  t.strictSame([address, auth, user], [quotaPolicy(300, 60), quotaPolicy(60, 60), quotaPolicy(600, 60)])
})
