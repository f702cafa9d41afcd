/** The edge's settings: none that decides over security has a default, and a Worker without one is closed. */

import { mock } from 'node:test'
import t from 'tap'
import { DEFAULT_EDGE_QUOTAS } from '../../edge/contract/policies.ts'
import { parseEdgeSettings } from '../../edge/settings.ts'
import { EDGE_SECRET, edgeBindings, openInNode, openSurroundings, WORKERD } from './lib/edge-places.ts'

const GOOD = edgeBindings('http://origin.test', { url: 'http://redis.test', token: 'token' })
const REQUIRED = ['PUBLIC_URL', 'ORIGIN_URL', 'EDGE_SECRET', 'UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN']

const HOSTILE_URLS = [
  '',
  ' ',
  'x',
  'ftp://a',
  '//a',
  'http://',
  'http:///a',
  'https://[',
  'http://a:99999',
  'http://u:p@a',
  'http://a?b',
  'http://a#b',
  'http://a b',
  'http://a, http://b'
]

const MALFORMED: Readonly<Record<string, readonly string[]>> = {
  PUBLIC_URL: HOSTILE_URLS,
  ORIGIN_URL: HOSTILE_URLS,
  JWKS_URL: HOSTILE_URLS,
  UPSTASH_REDIS_REST_URL: HOSTILE_URLS,
  UPSTASH_REDIS_REST_TOKEN: [''],
  EDGE_SECRET: ['', 'x'.repeat(31)],
  ACCESS_TOKEN_TTL: ['', '0', '-1', '1.5', '1e3', '0x10', ' 900', '900s', 'NaN', 'Infinity', '0900', '9999999999'],
  API_PREFIX: ['', '/', 'api', '/api/', '/api//v1', '/API', '/api v1', '/api/%76', '/api/../v1', '/api?', '/*'],
  TOKEN_AUDIENCE: [''],
  REDIS_NAMESPACE: ['a:b', '{a}', 'a b', 'x'.repeat(65)],
  ALLOWED_ORIGINS: [
    '',
    '*',
    'null',
    'https://app.test/',
    'app.test',
    'https://app.test,',
    ',',
    'https://a b',
    'https://APP.test',
    'https://app.test:443',
    'https://app.test/x',
    'https://u@app.test',
    'none,https://app.test'
  ],
  ORIGIN_DEADLINE: ['', '0', '-1', '1.5', '15s', 'NaN'],
  REVOCATION_MAX_AGE_MS: ['', '-1', '1001', '0.5', '1e3', 'NaN', 'Infinity'],
  DEBUG_HEADERS: ['', 'yes', '1', 'TRUE', 'true '],
  JWKS: ['', '{}', '[]', 'null', '{"keys":[]}', '{"keys":{}}', '{"keys":', 'keys'],
  EDGE_QUOTA_ADDRESS: ['', '300', '0/60', '300/0', '-1/60', 'many'],
  EDGE_QUOTA_AUTH: ['', '60/'],
  EDGE_QUOTA_USER: ['', '/60'],
  FALLBACK_CLIENT_ADDRESS: ['', 'localhost', '127.0.0.1:80', '[::1]']
}

const reasonOf = (env: Readonly<Record<string, unknown>>) => {
  const parsed = parseEdgeSettings(env)
  return parsed.ok ? undefined : parsed.reason
}

t.test('parseEdgeSettings() requires five settings, and has a default for every other', async t => {
  const { FALLBACK_CLIENT_ADDRESS: _, ...local } = GOOD
  t.match(reasonOf(local), 'PUBLIC_URL must be an https origin', 'http is for local runs')
  const needed = { ...local, PUBLIC_URL: 'https://auth.example.com' }
  t.strictSame(Object.keys(needed).sort(), REQUIRED.toSorted())
  t.match(parseEdgeSettings(needed), {
    ok: true,
    value: {
      publicUrl: 'https://auth.example.com',
      originUrl: 'http://origin.test',
      jwksUrl: 'http://origin.test/.well-known/jwks.json',
      edgeSecret: EDGE_SECRET,
      apiPrefix: '/api/v1',
      tokenAudience: 'https://auth.example.com',
      accessTokenTtlSeconds: 900,
      allowedOrigins: [],
      originDeadlineMs: 15_000,
      revocationMaxAgeMs: 1_000,
      debugHeaders: false,
      inlineKeys: undefined,
      quotas: DEFAULT_EDGE_QUOTAS,
      fallbackClientAddress: undefined
    }
  })
})

t.test('parseEdgeSettings() reads every setting', async t => {
  const env = {
    ...GOOD,
    PUBLIC_URL: 'https://auth.example.com/',
    JWKS_URL: 'https://keys.example.com/set.json',
    API_PREFIX: '/v2/auth-api',
    TOKEN_AUDIENCE: 'an audience',
    ACCESS_TOKEN_TTL: '60',
    ALLOWED_ORIGINS: 'https://app.test, http://localhost:5173',
    EDGE_QUOTA_USER: '5/10',
    ORIGIN_DEADLINE: '7',
    REVOCATION_MAX_AGE_MS: '0',
    DEBUG_HEADERS: 'true',
    JWKS: '{"keys":[{"kid":"one"}]}'
  }
  t.match(parseEdgeSettings(env), {
    ok: true,
    value: {
      publicUrl: 'https://auth.example.com',
      jwksUrl: 'https://keys.example.com/set.json',
      apiPrefix: '/v2/auth-api',
      tokenAudience: 'an audience',
      accessTokenTtlSeconds: 60,
      allowedOrigins: ['https://app.test', 'http://localhost:5173'],
      originDeadlineMs: 7_000,
      revocationMaxAgeMs: 0,
      debugHeaders: true,
      inlineKeys: [{ kid: 'one' }],
      quotas: { ...DEFAULT_EDGE_QUOTAS, user: '5/10' }
    }
  })
  t.match(parseEdgeSettings({ ...GOOD, ALLOWED_ORIGINS: 'none' }), { value: { allowedOrigins: [] } })
})

t.test('parseEdgeSettings() names a setting that is missing, malformed or not text', async t => {
  for (const name of REQUIRED) t.match(reasonOf({ ...GOOD, [name]: undefined }), `${name} is missing`)
  for (const [name, values] of Object.entries(MALFORMED)) {
    for (const value of [...values, 7, true, null, {}, ['http://a']]) {
      // A null binding counts as missing, which is allowed for optional settings.
      if (value === null && !REQUIRED.includes(name)) continue
      t.match(reasonOf({ ...GOOD, [name]: value }), name, `${name}=${JSON.stringify(value)}`)
    }
  }
})

t.test('parseEdgeSettings() names every fault at once, and no secret', async t => {
  const reason = reasonOf({ ...GOOD, EDGE_SECRET: 'a short secret', ORIGIN_URL: 'x', EDGE_QUOTA_USER: 'y' })
  for (const name of ['EDGE_SECRET', 'ORIGIN_URL', 'EDGE_QUOTA_USER']) t.match(reason, name)
  t.notMatch(reason, 'a short secret')
})

t.test('a Worker with a setting missing or malformed answers 503 to everything', async t => {
  const { bindings, origin, token } = await openSurroundings(t)
  const log = mock.method(console, 'error', () => {})
  t.teardown(() => log.mock.restore())
  const wrong: Record<string, string>[] = [{}]
  for (const name of REQUIRED) {
    const { [name]: _, ...rest } = bindings
    wrong.push(rest)
  }
  for (const [name, [, second = '']] of Object.entries(MALFORMED)) wrong.push({ ...bindings, [name]: second })
  const unusable = JSON.stringify({ keys: [{ kty: 'oct', k: 'AAAA', kid: 'k' }] })
  wrong.push(
    { ...bindings, JWKS: unusable },
    { ...bindings, JWKS_URL: 'https://[' },
    { ...bindings, API_PREFIX: '/api/' }
  )
  for (const env of wrong) {
    const edge = await openInNode(env)
    for (const path of ['/', '/health/live', '/api/v1/users/me', '/.well-known/jwks.json']) {
      const response = await edge.send(path, { headers: { authorization: `Bearer ${token()}` } })
      t.match(
        await response.json(),
        { code: 'unavailable', status: 503 },
        `${JSON.stringify(Object.keys(env))} ${path}`
      )
      t.equal(response.headers.get('retry-after'), '60')
    }
  }
  t.strictSame(origin.requests, [], 'and forwards nothing')
  t.ok(log.mock.callCount() >= wrong.length, 'and says why in the log')
})

t.test('workerd with a setting missing answers 503 to everything', async t => {
  const { bindings, origin } = await openSurroundings(t)
  const { EDGE_SECRET: _, ...rest } = bindings
  const edge = await WORKERD.open(t, rest)
  for (const path of ['/', '/health/live', '/api/v1/users/me']) {
    const response = await edge.send(path)
    t.equal(response.headers.get('content-type'), 'application/problem+json')
    t.match(await response.json(), { code: 'unavailable', status: 503 }, path)
  }
  t.strictSame(origin.requests, [])
})
