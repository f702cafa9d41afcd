/** The policies of a deployment: valid ones are kept, and every fault that could open a route is named. */

import t from 'tap'
import { parsePolicies } from '../../../edge/contract/parse-policies.ts'
import { gatehousePolicies } from '../../../edge/contract/policies.ts'
import { quotaPolicy } from '../../../edge/contract/quota-policy.ts'

const ROUTE = { path: '/*', methods: 'any', token: 'required', quotas: ['address'], onStoreFailure: 'fallback' }
const QUOTAS = { address: { by: 'address', limit: '300/60' }, user: { by: 'user', limit: '600/60' } }
const withRoute = (changes: object) => ({ quotas: QUOTAS, routes: [{ ...ROUTE, ...changes }] })
const withQuotas = (quotas: unknown) => ({ quotas, routes: [{ ...ROUTE, quotas: [] }] })

const reasonOf = (value: unknown) => {
  const parsed = parsePolicies(value)
  return parsed.ok ? undefined : parsed.reason
}

t.test('parsePolicies() parses quotas, and keeps routes as they are', async t => {
  const written = { quotas: QUOTAS, routes: [ROUTE] }
  const parsed = parsePolicies(written)
  t.match(parsed, {
    ok: true,
    value: {
      quotas: {
        address: { by: 'address', policy: quotaPolicy(300, 60) },
        user: { by: 'user', policy: quotaPolicy(600, 60) }
      },
      routes: [ROUTE]
    }
  })
  t.ok(parsePolicies(gatehousePolicies('/api/v1')).ok, 'those of the house among them')
})

t.test('parsePolicies() accepts every valid form of a route', async t => {
  const fine = [
    ...['/', '/*', '/a', '/a/*', '/A/b_c/d~e.f-g', '/.well-known/jwks.json', '/a.b/...'].map(path => ({ path })),
    ...['any', ['GET'], ['GET', 'POST', 'PROPFIND']].map(methods => ({ methods })),
    { token: 'none' },
    { quotas: [] },
    { quotas: ['address', 'user'] },
    { onStoreFailure: 'refuse' },
    { maxBodyBytes: 1 },
    { maxBodyBytes: 100_000_000 }
  ]
  for (const changes of fine) t.equal(reasonOf(withRoute(changes)), undefined, JSON.stringify(changes))
  t.equal(reasonOf(withQuotas({})), undefined, 'and no quota at all')
})

const NULL_OBJECT = Object.create(null)
/** Values that are not strings, some of which convert to a valid string. */
const NO_STRINGS: readonly unknown[] = [
  undefined,
  null,
  0,
  1,
  Number.NaN,
  true,
  7n,
  Symbol('GET'),
  {},
  NULL_OBJECT,
  [],
  () => 'GET'
]

/** Member of a route → values that it must not have. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  path: [
    ...NO_STRINGS,
    ['/a'],
    '',
    'a',
    '*',
    '/a/',
    '//',
    '/a//b',
    '/a/*/b',
    '/a*',
    '/a/**',
    '/./a',
    '/a/..',
    '/a/../b',
    '/%61',
    '/a;x',
    '/a?b',
    '/a#b',
    '/a b',
    '/a\n',
    '/ä',
    '/a\\b',
    ' /a',
    'http://a/b',
    '/\ud800',
    '/*/',
    `/${'a/'.repeat(100_000)}`
  ],
  methods: [
    ...NO_STRINGS,
    'GET',
    'ANY',
    '',
    ['get'],
    ['GET', 'post'],
    [''],
    ['*'],
    ['GET '],
    ['GET\n'],
    [['GET']],
    [null],
    ['GET', undefined],
    ['any'],
    [Symbol('GET')],
    [NULL_OBJECT],
    ['X'.repeat(21)]
  ],
  token: [...NO_STRINGS, ['required'], '', 'Required', 'optional', 'NONE', 'required '],
  onStoreFailure: [...NO_STRINGS, ['fallback'], '', 'FALLBACK', 'open', 'refuse '],
  quotas: [
    ...NO_STRINGS.filter(value => !Array.isArray(value)),
    'address',
    ['none'],
    [''],
    ['Address'],
    ['address', 'x'],
    ['__proto__'],
    ['constructor'],
    ['toString'],
    [['address']],
    [null],
    [Symbol('x')],
    [NULL_OBJECT],
    [7n]
  ]
}

for (const [member, values] of Object.entries(WRONG)) {
  t.test(`parsePolicies() refuses a route with a wrong "${member}", by its place and name`, async t => {
    for (const [i, value] of values.entries()) {
      const reason = reasonOf(withRoute({ [member]: value }))
      t.match(reason, /^routes\[0\]: /, `value ${i}: ${String(typeof value)}`)
      t.match(reason, `"${member}"`)
    }
    const { [member as 'path']: _, ...missing } = ROUTE
    t.match(reasonOf({ quotas: QUOTAS, routes: [ROUTE, missing] }), `routes[1]: `, 'and one without it')
  })
}

t.test('parsePolicies() refuses a "maxBodyBytes" that is not a whole number of at least 1', async t => {
  for (const maxBodyBytes of [
    0,
    -1,
    1.5,
    '100',
    '16kb',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    null,
    [],
    7n,
    Symbol('1')
  ])
    t.match(reasonOf(withRoute({ maxBodyBytes })), /^routes\[0\]: "maxBodyBytes" must be/, String(maxBodyBytes))
})

t.test('parsePolicies() refuses a quota by user on a route without a required token', async t => {
  t.match(reasonOf(withRoute({ token: 'none', quotas: ['user'] })), /by user, for which "token" must be "required"/)
})

t.test('parsePolicies() refuses invalid and undefined quotas', async t => {
  for (const quotas of [...NO_STRINGS.filter(value => typeof value !== 'object'), null, [], 'address'])
    t.match(reasonOf(withQuotas(quotas)), '"quotas" must be an object')
  for (const name of ['', 'Address', '1st', 'a b', 'a"b', 'a:b', 'a}b', '-a', 'ä', 'a'.repeat(33), '__proto__'])
    t.match(
      reasonOf(withQuotas(JSON.parse(`{${JSON.stringify(name)}:{"by":"user","limit":"1/1"}}`))),
      'must be named',
      name
    )
  for (const quota of [...NO_STRINGS, { limit: '1/1' }, { by: 'ip', limit: '1/1' }, { by: ['user'], limit: '1/1' }])
    t.match(reasonOf(withQuotas({ a: quota })), 'quotas.a.by must be')
  for (const limit of [...NO_STRINGS, '', '300', '0/60', '1/0', '-1/1', '1e3/1', 'NaN/1', ['300/60'], '300/60 '])
    t.match(reasonOf(withQuotas({ a: { by: 'user', limit } })), 'quotas.a.limit must be')
})

t.test('parsePolicies() refuses values that are not policies, and names every fault at once', async t => {
  for (const value of [...NO_STRINGS, '', 'x', [[]], new Map()]) t.match(reasonOf(value), /"quotas".*"routes"/)
  for (const routes of [undefined, null, [], {}, 'any', 7])
    t.match(reasonOf({ quotas: QUOTAS, routes }), '"routes" must be a list with at least one route')
  for (const route of [undefined, null, 7, 'x', [], true])
    t.match(reasonOf({ quotas: {}, routes: [route] }), 'an object')
  const reason = reasonOf({ quotas: { a: 1 }, routes: [{ ...ROUTE, path: 'x', token: 'x' }, 7] })
  for (const fault of ['quotas.a', 'routes[0]: "path"', 'routes[0]: "token"', 'routes[1]']) t.match(reason, fault)
})
