/**
 * Bad input: every kind of it gets a problem with the right status, an id, and changes nothing.
 *
 * Over 200 lines: the tables of bad input are read in one piece; the last test is over all of them.
 */

import t, { type Test } from 'tap'
import { isUuid } from '../../../edge/contract/uuid.ts'
import { call, PASSWORD, signUp } from '../../lib/person.ts'
import { openSubject, type RawAnswer, requestText } from './subject.ts'

const subject = await openSubject(t)
const { url, raw, sql, mailbox } = subject
const LOGIN = '/api/v1/auth/login'
const REGISTER = '/api/v1/auth/register'
const JSON_TYPE = 'Content-Type: application/json'
const ada = await signUp(url, mailbox)

/** What no bad input may change: every row but those of the log. */
async function state(): Promise<unknown> {
  return Promise.all(
    ['users', 'registrations', 'mailed_tokens', 'sessions', 'outbox'].map(
      table => sql`select * from ${sql(table)} order by 1`
    )
  )
}

function isProblem(t: Test, answer: RawAnswer, status: number, code: string, name: string): void {
  t.equal(answer.status, status, name)
  t.equal(answer.headers.get('content-type'), 'application/problem+json', name)
  const body = JSON.parse(answer.body)
  t.match(body, { type: `http://gatehouse.test/problems/${code}`, status, code }, name)
  t.equal(body.requestId, answer.headers.get('x-request-id'), name)
  t.ok(isUuid(body.requestId), name)
  t.equal(answer.headers.get('cache-control'), 'no-store', name)
  t.equal(answer.headers.get('x-content-type-options'), 'nosniff', name)
}

const before = await state()
t.test('a body that is not JSON in UTF-8, or holds text that has no faithful form, is malformed', async t => {
  const member = (text: string) => `{"email":"${text}","password":"${PASSWORD}"}`
  const bodies: readonly [string, string | Uint8Array][] = [
    ['truncated', '{"email":"ada@example.com"'],
    ['not JSON', 'email=ada@example.com'],
    ['single quotes', "{'email':'a'}"],
    ['a byte order mark', '\ufeff{}'],
    ['brackets without end', '['.repeat(16_384)],
    ['objects without end', '{"a":'.repeat(3000)],
    ['NaN', '{"email":NaN}'],
    ['NUL', member('ada\\u0000@example.com')],
    ['a raw NUL', member('ada\0@example.com')],
    ['NUL in a name of a member', '{"\\u0000":1}'],
    ['a lone high surrogate', member('\\ud800')],
    ['a lone low surrogate', member('\\udfff')],
    ['a lone surrogate in a name of a member', '{"\\ud800":1}'],
    ['a lone surrogate deep inside', '{"a":[[{"b":["\\udc00"]}]]}'],
    ['Latin-1', Buffer.from(member('jürgen@example.com'), 'latin1')],
    ['an overlong encoding', Buffer.concat([Buffer.from('{"email":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')])],
    [
      'a surrogate in UTF-8',
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')])
    ],
    ['UTF-16', Buffer.from(member('ada@example.com'), 'utf16le')]
  ]
  for (const [name, body] of bodies) {
    for (const path of [LOGIN, REGISTER, '/api/v1/auth/refresh', '/api/v1/auth/logout']) {
      const answer = await raw(requestText('POST', path, { headers: [JSON_TYPE], body }))
      isProblem(t, answer, 400, 'malformed-request', `${name} at ${path}`)
    }
  }
})

t.test('a body of the wrong shape is invalid, and nothing is coerced or dropped', async t => {
  const good = { email: 'ada@example.com', password: PASSWORD, name: 'Ada' }
  const wrongValues = [1, true, null, [], {}, ['ada@example.com'], '']
  const bodies: unknown[] = [
    ...wrongValues,
    {},
    ...['email', 'password', 'name'].flatMap(member => wrongValues.map(value => ({ ...good, [member]: value }))),
    { ...good, admin: true },
    { ...good, role: 'admin' },
    { ...good, constructor: 1 },
    { ...good, email: 'x'.repeat(255) },
    { ...good, password: `Aa1-${'x'.repeat(253)}` },
    { ...good, password: 'x'.repeat(10_240) },
    { ...good, name: 'x'.repeat(101) }
  ]
  const texts = [
    ...bodies.map(body => JSON.stringify(body)),
    `{"__proto__":{"email":"a@b.co"},"password":"${PASSWORD}","name":"Ada"}`,
    JSON.stringify(good).replace('{', '{"__proto__":{"role":"admin"},'),
    '['.repeat(8000) + ']'.repeat(8000),
    ''
  ]
  for (const body of texts) {
    const answer = await raw(requestText('POST', REGISTER, { headers: [JSON_TYPE], body }))
    isProblem(t, answer, 422, 'invalid-request', body.slice(0, 80))
    t.ok(JSON.parse(answer.body).errors.length > 0, 'it says where')
  }
})

t.test('optional members are as strict as required ones', async t => {
  for (const rememberMe of ['true', 1, null, []]) {
    const answer = await call(url, 'POST', LOGIN, { body: { email: ada.email, password: PASSWORD, rememberMe } })
    t.match(answer, { status: 422, body: { errors: [{ pointer: '/rememberMe' }] } })
  }
  for (const refreshToken of [1, null, {}, [], 'x'.repeat(513)]) {
    for (const path of ['refresh', 'logout']) {
      const answer = await call(url, 'POST', `/api/v1/auth/${path}`, { body: { refreshToken } })
      t.match(answer, { status: 422, body: { code: 'invalid-request' } }, `${path} ${JSON.stringify(refreshToken)}`)
    }
  }
})

t.test('a body with a thousand faults gets an answer that names a few', async t => {
  const members = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`m${i}`, i]))
  const { status, body } = await call(url, 'POST', LOGIN, { body: members })
  t.equal(status, 422)
  t.ok(body.errors.length <= 20)
})

t.test('a pointer is a JSON Pointer, whatever a member is called', async t => {
  const { body } = await call(url, 'POST', LOGIN, { body: { email: ada.email, password: PASSWORD, 'a/b~c': 1 } })
  t.match(body.errors, [{ pointer: '/a~1b~0c' }])
})

t.test('a body of another type is unsupported', async t => {
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json; charset=latin1',
    'application/json; charset=utf-16',
    'application/problem+json',
    'text/json',
    ';;;',
    '__proto__',
    'application/json, text/plain'
  ]
  const body = JSON.stringify({ email: ada.email, password: PASSWORD })
  for (const type of types) {
    const answer = await raw(requestText('POST', LOGIN, { headers: [`Content-Type: ${type}`], body }))
    isProblem(t, answer, 415, 'unsupported-media-type', type)
  }
  isProblem(t, await raw(requestText('POST', LOGIN, { body })), 415, 'unsupported-media-type', 'no type')
  for (const type of [
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"'
  ]) {
    t.equal(
      (await raw(requestText('POST', REGISTER, { headers: [`Content-Type: ${type}`], body: '{}' }))).status,
      422,
      type
    )
  }
})

t.test(
  'a repeated Content-Type, Authorization or Host header is invalid, with equal and with different values',
  async t => {
    const body = JSON.stringify({ email: ada.email, password: PASSWORD })
    const text = 'Content-Type: text/plain'
    for (const headers of [
      [JSON_TYPE, JSON_TYPE],
      [JSON_TYPE, text],
      [text, JSON_TYPE]
    ]) {
      const answer = await raw(requestText('POST', LOGIN, { headers, body }))
      isProblem(t, answer, 415, 'unsupported-media-type', headers.join())
    }
    const good = `Authorization: Bearer ${ada.accessToken}`
    t.equal((await raw(requestText('GET', '/api/v1/users/me', { headers: [good] }))).status, 200)
    for (const headers of [
      [good, good],
      [good, 'authorization: Bearer x'],
      ['AUTHORIZATION: Bearer x', good],
      [good, 'Authorization: Basic eDp5'],
      [good, 'Authorization:'],
      ['Authorization:', good]
    ]) {
      const name = headers.map(line => line.slice(0, 24)).join()
      for (const path of ['/api/v1/users/me', '/api/v1/auth/verify-token']) {
        const answer = await raw(requestText('GET', path, { headers }))
        isProblem(t, answer, 401, 'token-invalid', name)
        t.equal(answer.headers.get('www-authenticate'), 'Bearer error="invalid_token"')
      }
      const logout = await raw(requestText('POST', '/api/v1/auth/logout', { headers }))
      t.not(logout.status, 500, name)
    }
    t.equal(
      (await call(url, 'GET', '/api/v1/users/me', { token: ada.accessToken })).status,
      200,
      'no session has ended'
    )
    for (const line of ['Host: gatehouse.test', 'host: evil.example', 'Host:']) {
      const answer = await raw(requestText('GET', '/health/live', { headers: [line] }))
      isProblem(t, answer, 400, 'malformed-request', `a second ${line}`)
    }
    for (const host of ['a b', 'a, b', 'user@host', 'host/path', 'host?']) {
      const answer = await raw(`GET /health/live HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      isProblem(t, answer, 400, 'malformed-request', `the host "${host}"`)
    }
    for (const host of ['', 'localhost', '127.0.0.1:3000', '[::1]:3000', 'under_score.example']) {
      const answer = await raw(`GET /health/live HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      t.equal(answer.status, 200, `the host "${host}"`)
    }
  }
)

t.test('a coded body is unsupported, never read as if it were not coded', async t => {
  const body = JSON.stringify({ email: ada.email, password: PASSWORD })
  for (const coding of ['gzip', 'br', 'identity', 'nonsense', '', 'gzip, gzip']) {
    const coded = `Content-Encoding: ${coding}`
    const answer = await raw(requestText('POST', LOGIN, { headers: [JSON_TYPE, coded], body }))
    isProblem(t, answer, 415, 'unsupported-media-type', coded)
    t.equal(answer.headers.get('accept-encoding'), 'identity', 'RFC 7694: what would be accepted')
  }
  for (const [method, path] of [
    ['POST', '/api/v1/auth/refresh'],
    ['GET', '/health/live']
  ] as const) {
    const answer = await raw(requestText(method, path, { headers: ['Content-Encoding: gzip'] }))
    isProblem(t, answer, 415, 'unsupported-media-type', `${method} without a body`)
  }
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  for (const coding of ['gzip, chunked', 'gzip,chunked', 'identity, chunked', 'chunked, chunked', 'deflate']) {
    const head = requestText('POST', LOGIN, { headers: [JSON_TYPE, `Transfer-Encoding: ${coding}`] })
    const answer = await raw(Buffer.concat([head, Buffer.from(chunked)]))
    isProblem(t, answer, 400, 'malformed-request', `Transfer-Encoding: ${coding}`)
  }
})

t.test('a body over 16 KiB is too large, announced or not', async t => {
  const body = JSON.stringify({ email: ada.email, password: 'x'.repeat(17_000) })
  isProblem(t, await raw(requestText('POST', LOGIN, { headers: [JSON_TYPE], body })), 413, 'payload-too-large', 'sized')
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const head = requestText('POST', LOGIN, { headers: [JSON_TYPE, 'Transfer-Encoding: chunked'] })
  isProblem(t, await raw(Buffer.concat([head, Buffer.from(chunked)])), 413, 'payload-too-large', 'chunked')
})

t.test('a small chunked body is a body like any other', async t => {
  const head = requestText('POST', LOGIN, { headers: [JSON_TYPE, 'Transfer-Encoding: chunked'] })
  isProblem(t, await raw(Buffer.concat([head, Buffer.from('2\r\n{}\r\n0\r\n\r\n')])), 422, 'invalid-request', 'chunked')
})

t.test('a target over 4096 bytes is too long, and one that cannot be decoded is malformed', async t => {
  for (const path of [
    `/${'a'.repeat(4096)}`,
    `/api/v1/auth/verify-token?${'a'.repeat(4096)}`,
    `/problems/${'a'.repeat(4100)}`
  ]) {
    isProblem(t, await raw(requestText('GET', path)), 414, 'uri-too-long', path.slice(0, 30))
  }
  isProblem(t, await raw(requestText('GET', `/${'a'.repeat(4095)}`)), 404, 'not-found', '4096 bytes')
  for (const path of ['/%', '/%zz', '/problems/%c3', '/api/v1/auth/verify-email/%ff']) {
    isProblem(t, await raw(requestText('GET', path)), 400, 'malformed-request', path)
  }
})

t.test('headers over 16 KiB are too large', async t => {
  isProblem(
    t,
    await raw(requestText('GET', '/', { headers: [`X: ${'a'.repeat(20_000)}`] })),
    431,
    'headers-too-large',
    'one'
  )
  const many = Array.from({ length: 2000 }, (_, i) => `X-${i}: aaaaaaaa`)
  isProblem(t, await raw(requestText('GET', '/', { headers: many })), 431, 'headers-too-large', 'many')
})

t.test('malformed HTTP is answered with a problem', async t => {
  const hostile: readonly [string, string][] = [
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['no Host', 'GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['a bare CR', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n'],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n'],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: x\r\n folded\r\nX: a\r\n\r\n'.replace('Host: x', ': x')],
    ['a space in a header name', 'GET / HTTP/1.1\r\nHost: x\r\nX Y: a\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}'],
    ['a length and chunks', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}'],
    ['a length that is not a number of bytes', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
    [
      'a malformed chunk',
      `POST ${LOGIN} HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`
    ],
    ['an unknown method', 'GET1 / HTTP/1.1\r\nHost: x\r\n\r\n']
  ]
  for (const [name, text] of hostile) isProblem(t, await raw(text), 400, 'malformed-request', name)
})

t.test('an unknown expectation is ignored', async t => {
  isProblem(t, await raw(requestText('GET', '/', { headers: ['Expect: miracles'] })), 404, 'not-found', 'Expect')
})

t.test('a method that a path does not answer is 405 with Allow; an unknown path is 404', async t => {
  for (const method of ['GET', 'PUT', 'DELETE', 'TRACE', 'OPTIONS', 'PROPFIND', 'PATCH']) {
    const answer = await raw(requestText(method, LOGIN))
    isProblem(t, answer, 405, 'method-not-allowed', method)
    t.equal(answer.headers.get('allow'), 'POST')
  }
  for (const path of [
    LOGIN.replace('login', '%6cogin'),
    `${LOGIN}?x=1`,
    `${LOGIN}?/..`,
    '/%61pi/v1/auth/logi%6E',
    `http://x${LOGIN}`
  ]) {
    const answer = await raw(requestText('GET', path))
    isProblem(t, answer, 405, 'method-not-allowed', path)
    t.equal(answer.headers.get('allow'), 'POST', path)
  }
  for (const path of ['/api/v1/auth%2flogin', '/api/v1/auth/%256cogin', '/api/v1/auth/%4cogin']) {
    isProblem(t, await raw(requestText('GET', path)), 404, 'not-found', path)
  }
  const me = await raw(requestText('POST', '/api/v1/users/me'))
  t.match(me.headers.get('allow'), /\bGET\b.*\bPATCH\b/)
  for (const path of [
    '/',
    '/api/v1',
    '/api/v1/auth/Login',
    `${LOGIN}/`,
    `/${LOGIN}`,
    '/../etc/passwd',
    '/health/live/x',
    '/%2e%2e',
    '*'
  ]) {
    isProblem(t, await raw(requestText('GET', path)), 404, 'not-found', path)
  }
  t.equal((await raw(requestText('CONNECT', 'evil.example:443'))).status, 0, 'CONNECT is hung up on')
})

t.test('hostile headers break nothing', async t => {
  const headers = [
    'Cookie: __Host-refresh=%',
    'Cookie: ;;;==;__proto__=1',
    `Cookie: __Host-refresh=${'x'.repeat(8000)}`,
    'Authorization: Bearer a, Bearer b',
    'X-Request-Id: <script>',
    'User-Agent: \xff\xfe',
    'X-Forwarded-For: 1.2.3.4',
    'Accept: nonsense',
    'Content-Length: 0'
  ]
  for (const header of headers) {
    const answer = await raw(requestText('POST', '/api/v1/auth/refresh', { headers: [header] }))
    isProblem(t, answer, 401, 'refresh-invalid', header.slice(0, 40))
  }
  const answer = await raw(requestText('GET', '/api/v1/users/me', { headers: ['X-Request-Id: my-own-id-12345'] }))
  t.not(answer.headers.get('x-request-id'), 'my-own-id-12345', 'the id is made by us')
})

t.test('no malformed request has changed a row', async t => {
  t.strictSame(await state(), before)
})
