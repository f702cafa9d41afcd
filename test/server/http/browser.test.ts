/**
 * The security headers for browsers: reading answers (CORS), sending requests (CSRF), and the rights of a page.
 *
 * Over 200 lines: one origin gives the answers that all these headers are read from.
 */

import t from 'tap'
import { call, newAddress, PASSWORD, register, signUp } from '../../lib/person.ts'
import { APP_ORIGIN, openSubject, requestText } from './subject.ts'

const { url, raw, mailbox, another } = await openSubject(t, { DOCS: 'true' })
const PUBLIC_URL = 'http://gatehouse.test'
const LOGOUT = '/api/v1/auth/logout'

t.test('only listed origins may read answers, exactly as they are spelled', async t => {
  const listed = await call(url, 'GET', '/health/live', { headers: { origin: APP_ORIGIN } })
  t.equal(listed.headers.get('access-control-allow-origin'), APP_ORIGIN)
  t.equal(listed.headers.get('access-control-allow-credentials'), 'true')
  t.match(listed.headers.get('access-control-expose-headers'), 'Retry-After')
  const others = [
    'null',
    'https://app.example.com.evil.example',
    'https://evil.example',
    'http://app.example.com',
    'https://APP.example.com',
    'https://app.example.com/',
    '*',
    ''
  ]
  for (const origin of others) {
    const { headers } = await call(url, 'GET', '/health/live', { headers: { origin } })
    t.equal(headers.get('access-control-allow-origin'), null, origin)
    t.equal(headers.get('access-control-allow-credentials'), null, origin)
  }
})

t.test('every answer that sets a cookie explains to a page of another site that its browser keeps none', async t => {
  const email = await register(url, mailbox)
  const optional = await another({ EMAIL_VERIFICATION: 'optional' })
  const signingIn = async (site: string | undefined) => {
    const headers = { origin: APP_ORIGIN, ...(site === undefined ? {} : { 'sec-fetch-site': site }) }
    const post = (base: string, path: string, body: object, more = {}) =>
      call(base, 'POST', `/api/v1/auth/${path}`, { body, headers: { ...headers, ...more } })
    const login = await post(url, 'login', { email, password: PASSWORD })
    const [cookie = ''] = login.headers.getSetCookie().filter(one => one.startsWith('__Host-refresh='))
    const refresh = await post(url, 'refresh', {}, { cookie: cookie.split(';')[0] })
    const registered = await post(optional.url, 'register', { email: newAddress(), password: PASSWORD, name: 'Ada' })
    t.strictSame([login.status, refresh.status, registered.status], [200, 200, 201], String(site))
    return [login, refresh, registered].map(({ body }) => body.cookieRefused)
  }
  for (const said of await signingIn('cross-site')) t.match(said, /another site.*SameSite=Strict.*127\.0\.0\.1/)
  for (const site of ['same-site', 'same-origin', 'none', undefined, 'Cross-Site, x'])
    t.strictSame(await signingIn(site), [undefined, undefined, undefined], String(site))
})

t.test('every answer varies by Origin, with one or without', async t => {
  const targets = ['/health/live', '/api/v1/users/me', '/nothing']
  for (const path of targets) {
    t.match((await call(url, 'GET', path)).headers.get('vary'), /\bOrigin\b/, path)
    t.match((await call(url, 'GET', path, { headers: { origin: APP_ORIGIN } })).headers.get('vary'), /\bOrigin\b/, path)
  }
})

t.test('a preflight of a listed origin allows every method that there is; of another one nothing', async t => {
  const preflight = (origin: string, method: string) =>
    call(url, 'OPTIONS', '/api/v1/users/me', {
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type'
      }
    })
  for (const method of ['GET', 'POST', 'PATCH', 'DELETE']) {
    const { status, headers } = await preflight(APP_ORIGIN, method)
    t.equal(status, 204)
    t.match(headers.get('access-control-allow-methods'), new RegExp(`\\b${method}\\b`))
    t.equal(headers.get('access-control-allow-headers'), 'authorization,content-type')
  }
  const refused = await preflight('https://evil.example', 'PATCH')
  t.strictSame(
    [...refused.headers.keys()].filter(name => name.startsWith('access-control')),
    []
  )
})

t.test('a request that another site made a browser send is refused before it does anything', async t => {
  const ada = await signUp(url, mailbox)
  const cookie = `__Host-refresh=${ada.refreshToken}`
  const refused: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: '' },
    { origin: 'http://gatehouse.test.evil.example' },
    { origin: 'https://gatehouse.test' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'nonsense' }
  ]
  for (const headers of refused) {
    for (const path of [
      LOGOUT,
      '/api/v1/auth/refresh',
      '/api/v1/auth/login',
      '/api/v1/auth/register',
      '/api/v1/auth/verify-email/x'
    ]) {
      const answer = await call(url, 'POST', path, { headers: { cookie, ...headers } })
      t.match(answer, { status: 403, body: { code: 'cross-site-request' } }, `${path} ${JSON.stringify(headers)}`)
    }
  }
  t.equal((await call(url, 'GET', '/api/v1/auth/verify-token', { token: ada.accessToken })).status, 200)
})

t.test('our own pages, listed origins, the address bar and programs are welcome', async t => {
  const welcome: Record<string, string>[] = [
    {},
    { origin: PUBLIC_URL },
    { origin: APP_ORIGIN, 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' }
  ]
  for (const headers of welcome)
    t.equal((await call(url, 'POST', LOGOUT, { headers })).status, 200, JSON.stringify(headers))
})

t.test('a form of another site cannot speak JSON', async t => {
  const email = await register(url, mailbox)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
    const body = JSON.stringify({ email, password: PASSWORD })
    t.equal(
      (await raw(requestText('POST', '/api/v1/auth/login', { headers: [`Content-Type: ${type}`], body }))).status,
      415
    )
  }
})

t.test('security headers are on every kind of answer', async t => {
  const expected = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': 'max-age=63072000; includeSubDomains'
  }
  const answers: readonly [string, Uint8Array | string][] = [
    ['200', requestText('GET', '/health/live')],
    ['a page', requestText('GET', '/verify-email')],
    ['the key set', requestText('GET', '/.well-known/jwks.json')],
    ['401', requestText('GET', '/api/v1/users/me')],
    ['404', requestText('GET', '/nothing')],
    ['405', requestText('PUT', '/health/live')],
    ['415', requestText('POST', '/api/v1/auth/login', { body: 'x' })],
    ['422', requestText('POST', '/api/v1/auth/login')],
    ['an undecodable target', requestText('GET', '/%zz')],
    ['431', requestText('GET', '/', { headers: [`X: ${'a'.repeat(20_000)}`] })],
    ['no HTTP', 'hello\r\n\r\n'],
    [
      'preflight',
      requestText('OPTIONS', '/health/live', {
        headers: [`Origin: ${APP_ORIGIN}`, 'Access-Control-Request-Method: GET']
      })
    ]
  ]
  for (const [name, bytes] of answers) {
    const { headers } = await raw(bytes)
    for (const [header, value] of Object.entries(expected)) t.equal(headers.get(header), value, `${name}: ${header}`)
    t.match(headers.get('content-security-policy'), /default-src '(none|self)'/, name)
    t.match(headers.get('x-request-id'), /^[0-9a-f-]{36}$/, name)
    t.notOk(headers.has('x-powered-by') || headers.has('server'), name)
  }
})

t.test('no personal answer is stored by a cache; the key set is', async t => {
  for (const path of ['/api/v1/auth/verify-token', '/api/v1/users/me', '/api/v1/auth/nothing', '/verify-email']) {
    t.equal((await call(url, 'GET', path)).headers.get('cache-control'), 'no-store', path)
  }
  const jwks = await call(url, 'GET', '/.well-known/jwks.json')
  t.equal(jwks.headers.get('cache-control'), 'public, max-age=300')
})

t.test('the key set holds public members only', async t => {
  const { body } = await call(url, 'GET', '/.well-known/jwks.json')
  t.ok(body.keys.length > 0)
  for (const key of body.keys) t.strictSame(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

t.test('pages allow exactly their own script and style, by hash', async t => {
  const { headers, body } = await call(url, 'GET', '/verify-email')
  const policy = headers.get('content-security-policy') ?? ''
  t.match(headers.get('content-type'), 'text/html')
  for (const directive of ["default-src 'none'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]) {
    t.ok(policy.split('; ').includes(directive), directive)
  }
  t.match(policy, /style-src 'sha256-[^']+'; script-src 'sha256-[^']+';/)
  t.notMatch(policy, /unsafe/)
  t.notMatch(body, /https?:\/\//, 'nothing from elsewhere')
  t.notMatch(body, / on\w+=| style=/, 'nothing that the policy would block')
  t.equal((await call(url, 'GET', '/problems/token-expired')).status, 200)
  for (const code of ['nothing', '__proto__', 'toString'])
    t.equal((await call(url, 'GET', `/problems/${code}`)).status, 404)
})

t.test('the API docs answer under a policy of their own, and only where they are wanted', async t => {
  const docs = await call(url, 'GET', '/docs')
  t.equal(docs.status, 200)
  t.match(docs.headers.get('content-security-policy'), /default-src 'self'/)
  t.notMatch(docs.headers.get('content-security-policy'), /script-src[^;]*unsafe/)
  const without = await another({ DOCS: 'false' })
  for (const path of ['/docs', '/openapi.json']) t.equal((await call(without.url, 'GET', path)).status, 404, path)
})

t.test('the OpenAPI document names every operation, its success and its problems', async t => {
  const { body } = await call(url, 'GET', '/openapi.json')
  t.match(body.openapi, /^3\.1/)
  const operations = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({ path, method, operation }))
  )
  t.ok(operations.length >= 10)
  t.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length, 'ids are unique')
  for (const { path, method, operation } of operations) {
    const name = `${method} ${path}`
    const statuses = Object.keys(operation.responses)
    t.ok(operation.operationId && operation.summary, name)
    t.ok(
      statuses.some(status => status.startsWith('2')),
      `${name} can succeed`
    )
    if (!path.startsWith('/api/')) continue
    t.ok(statuses.includes('503'), `${name} can be unavailable`)
    for (const status of statuses.filter(one => one >= '400')) {
      t.match(operation.responses[status], { content: { 'application/problem+json': {} } }, `${name} ${status}`)
    }
    if (operation.security) t.ok(statuses.includes('401'), `${name} needs a token`)
  }
  const references = [...JSON.stringify(body).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
    match => match[1] ?? ''
  )
  t.ok(references.length > 0)
  for (const name of new Set(references)) t.ok(body.components.schemas[name], `the schema ${name} is there`)
})

interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly security?: unknown
  readonly responses: Readonly<Record<string, object>>
}
