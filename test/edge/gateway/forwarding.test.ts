/**
 * Requests to the origin and its answers, through the whole Worker: in Node, and in workerd itself.
 *
 * Over 200 lines: one rule a test, all over one table of places.
 */

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { createRevocationFeed } from '../../../edge/revocation/revocation-feed.ts'
import { openRedis } from '../../../edge/store/open-redis.ts'
import { until } from '../../lib/until.ts'
import { requestText, sendRaw } from '../../server/http/subject.ts'
import {
  type Edge,
  NODE,
  openSurroundings,
  PLACES,
  type Place,
  PUBLIC_URL,
  type Surroundings,
  WORKERD
} from '../lib/edge-places.ts'
import { bodyOf, type TinyOrigin } from '../lib/tiny-origin.ts'

interface Setup extends Surroundings {
  readonly edge: Edge
}

async function build(t: Test, place: Place): Promise<Setup> {
  const around = await openSurroundings(t)
  return { ...around, edge: await place.open(t, around.bindings) }
}

const lastHeaders = (origin: TinyOrigin): IncomingHttpHeaders => origin.requests.at(-1)?.headers ?? {}

for (const place of PLACES) {
  t.test(`through ${place.name}`, async t => {
    const setup = await build(t, place)
    for (const [name, rule] of Object.entries(RULES)) await t.test(name, t => rule(t, setup))
  })
}

/** Every rule may set the answers of the origin, which the next one sets anew. */
const RULES: Readonly<Record<string, (t: Test, setup: Setup) => Promise<void>>> = {
  'a binary body arrives and comes back byte by byte': async (t, { edge, origin }) => {
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    origin.answer = async (request, response) => response.end(await bodyOf(request))
    const response = await edge.send('/upload', { method: 'POST', body: every })
    t.strictSame(new Uint8Array(await response.arrayBuffer()), every)
  },

  'a streamed answer arrives piece by piece': async (t, { edge, origin }) => {
    let next = (_text?: string) => {}
    origin.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
      next = text => (text === undefined ? response.end() : response.write(text))
    }
    const response = await edge.send('/events')
    t.equal(response.headers.get('content-type'), 'text/event-stream')
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
      // Each piece is sent after the last one was read. If any step waited for the end of the body, the test would hang.
      if (event !== 'data: 1\n\n') next(event)
      t.equal((await reader?.read())?.value, event)
    }
    next()
    t.ok((await reader?.read())?.done)
  },

  'a redirect is handed to the client and not followed': async (t, { edge, origin }) => {
    const before = origin.requests.length
    for (const status of [301, 302, 303, 307, 308]) {
      origin.answer = (_request, response) => response.writeHead(status, { location: '/elsewhere' }).end()
      const response = await edge.send('/here')
      t.equal(response.status, status)
      t.equal(response.headers.get('location'), '/elsewhere')
    }
    t.equal(origin.requests.length - before, 5)
  },

  'two cookies stay two': async (t, { edge, origin }) => {
    const cookies = [
      '__Host-refresh=a; Path=/; Secure; HttpOnly; SameSite=Strict',
      'b=c; Expires=Thu, 01 Jan 1970 00:00:00 GMT'
    ]
    origin.answer = (_request, response) => response.setHeader('set-cookie', cookies).end()
    t.strictSame((await edge.send('/cookies')).headers.getSetCookie(), cookies)
  },

  'HEAD has the head of a GET and no body': async (t, { edge, origin }) => {
    origin.answer = (request, response) => response.setHeader('x-method', String(request.method)).end('never seen')
    const response = await edge.send('/head', { method: 'HEAD' })
    t.equal(response.status, 200)
    t.equal(response.headers.get('x-method'), 'HEAD')
    t.equal(await response.text(), '')
    t.equal((await edge.send('/api/v1/users/me', { method: 'HEAD' })).status, 401, 'and a refusal is one too')
  },

  'answers without a body come through': async (t, { edge, origin }) => {
    for (const status of [204, 205, 304]) {
      origin.answer = (_request, response) => response.writeHead(status, { etag: '"x"' }).end()
      const response = await edge.send('/empty')
      t.equal(response.status, status)
      t.equal(response.headers.get('etag'), '"x"')
    }
  },

  'errors of the origin come through as they are': async (t, { edge, origin }) => {
    for (const status of [400, 404, 418, 422, 500, 503]) {
      origin.answer = (_request, response) =>
        response.writeHead(status, { 'content-type': 'text/x-own' }).end('own words')
      const response = await edge.send('/error')
      t.strictSame(
        [response.status, response.headers.get('content-type'), await response.text()],
        [status, 'text/x-own', 'own words']
      )
    }
  },

  'a preflight of a page that is not listed reaches the origin without a token, and its answer the browser': async (
    t,
    { edge, origin }
  ) => {
    origin.answer = (_request, response) =>
      response
        .writeHead(204, { 'access-control-allow-origin': 'https://app.test', 'access-control-max-age': '600' })
        .end()
    const headers = { origin: 'https://app.test', 'access-control-request-method': 'DELETE' }
    const response = await edge.send('/api/v1/users/me', { method: 'OPTIONS', headers })
    t.equal(response.status, 204)
    t.equal(response.headers.get('access-control-allow-origin'), 'https://app.test')
    t.match(origin.requests.at(-1), { method: 'OPTIONS', url: '/api/v1/users/me' })
  },

  'the request id is ours, at the origin and in the answer, whatever the client sent': async (t, { edge, origin }) => {
    origin.answer = (_request, response) => response.setHeader('x-request-id', 'of the origin').end()
    const response = await edge.send('/id', { headers: { 'x-request-id': 'of the client' } })
    const id = response.headers.get('x-request-id') ?? ''
    t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    t.equal(origin.requests.at(-1)?.headers['x-request-id'], id)
    t.not((await edge.send('/id')).headers.get('x-request-id'), id, 'and another one each time')
  },

  'untrusted headers of the client do not arrive; our signed ones do': async (t, { edge, origin }) => {
    const forged = {
      'x-forwarded-for': '9.9.9.9',
      x_gatehouse_signature: 'f',
      'x-gatehouse-time': '0',
      'X-Real-IP': '9.9.9.9'
    }
    origin.answer = (_request, response) => response.end()
    await edge.send('/who', { headers: { ...forged, accept: 'text/x-mine' } })
    const headers = lastHeaders(origin)
    for (const name of ['x-forwarded-for', 'x_gatehouse_signature', 'x-real-ip'])
      t.equal(headers[name], undefined, name)
    t.equal(headers.accept, 'text/x-mine')
    t.equal(headers['x-gatehouse-client-address'], '127.0.0.1')
    t.match(headers['x-gatehouse-signature'], /^[0-9a-f]{64}$/)
    t.ok(Math.abs(Date.now() - Number(headers['x-gatehouse-time'])) < 30_000)
  },

  'a good token passes to the origin, which verifies it again': async (t, { edge, origin, token }) => {
    const authorization = `Bearer ${token()}`
    origin.answer = (_request, response) => response.end('in')
    const response = await edge.send('/api/v1/users/me', { headers: { authorization } })
    t.equal(await response.text(), 'in')
    t.equal(origin.requests.at(-1)?.headers.authorization, authorization)
    t.match(response.headers.get('ratelimit'), /^"address";r=\d+;t=61, "user";r=599;t=61$/)
  },

  'an ended session is refused within a second, and no other is': async (t, { edge, origin, redis, token }) => {
    origin.answer = (_request, response) => response.end()
    const [ended, other] = [randomUUID(), randomUUID()].map(sid => ({
      headers: { authorization: `Bearer ${token({ sid })}` },
      sid
    }))
    t.equal((await edge.send('/api/v1/users/me', ended)).status, 200)
    await createRevocationFeed(openRedis(redis), 960_000).publish([ended?.sid ?? ''])
    // Both clocks are read in whole milliseconds at the edge, hence the five.
    const publishedAtMs = performance.now()
    let passedAtMs = publishedAtMs
    const refused = await until('the edge has heard of it', async () => {
      const begunAtMs = performance.now()
      const response = await edge.send('/api/v1/users/me', ended)
      if (response.status === 401) return response
      passedAtMs = begunAtMs
    })
    t.ok(
      passedAtMs - publishedAtMs <= 1_000,
      `the last request that passed began ${passedAtMs - publishedAtMs} ms after`
    )
    t.equal(refused.headers.get('www-authenticate'), 'Bearer error="invalid_token"')
    t.match(await refused.json(), { code: 'session-ended', status: 401 })
    t.equal((await edge.send('/api/v1/users/me', other)).status, 200)
  },

  'the seventh of six is refused, for its user only, with fields and a wait': async (t, around) => {
    const { bindings, token, origin } = around
    const edge = await NODE.open(t, { ...bindings, EDGE_QUOTA_USER: '6/60' })
    origin.answer = (_request, response) => response.end()
    const mine = { headers: { authorization: `Bearer ${token()}` } }
    for (let i = 0; i < 6; i++) t.equal((await edge.send('/api/v1/users/me', mine)).status, 200)
    const refused = await edge.send('/api/v1/users/me', mine)
    t.equal(refused.status, 429)
    t.match(refused.headers.get('ratelimit'), /"user";r=0;t=\d+$/)
    const wait = Number(refused.headers.get('retry-after'))
    t.ok(wait >= 1 && wait <= 61, `${wait} s`)
    t.equal((await edge.send('/api/v1/users/me', { headers: { authorization: `Bearer ${token()}` } })).status, 200)
  }
}

t.test('workerd answers every method, header and target without a server error', async t => {
  const { edge, origin } = await build(t, WORKERD)
  origin.answer = (_request, response) => response.end('ok')
  const hosts = 'Host: gatehouse.test\r\nConnection: close\r\n'
  const raw = async (bytes: Uint8Array | string) => {
    const socket = connect(Number(new URL(edge.url).port), '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', chunk => chunks.push(chunk)).on('error', () => {})
    socket.write(bytes)
    await once(socket, 'close')
    return Buffer.concat(chunks).toString('latin1')
  }
  // Methods that workerd does not know, and CONNECT, it refuses itself: they never reach the Worker.
  for (const method of ['GET', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'SEARCH', 'PURGE']) {
    const answer = await raw(`${method} /x HTTP/1.1\r\n${hosts}\r\n`)
    t.match(answer, /^HTTP\/1\.1 [24]/, method)
  }
  const requests: Readonly<Record<string, Uint8Array | string>> = {
    'a GET with a body': `GET /x HTTP/1.1\r\n${hosts}Content-Length: 2\r\n\r\nhi`,
    'a header that is not UTF-8': Buffer.from(`GET /x HTTP/1.1\r\n${hosts}X-Name: \xff\xfe\r\n\r\n`, 'latin1'),
    'a header in UTF-8': `GET /x HTTP/1.1\r\n${hosts}X-Name: Zoë 李\r\n\r\n`,
    'a target that is not UTF-8': Buffer.from(`GET /\xff HTTP/1.1\r\n${hosts}\r\n`, 'latin1'),
    'two lengths': `POST /x HTTP/1.1\r\n${hosts}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi`,
    'a chunked body': `POST /x HTTP/1.1\r\n${hosts}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    'an upgrade': `GET /x HTTP/1.1\r\nHost: gatehouse.test\r\nConnection: close\r\nUpgrade: h2c\r\n\r\n`,
    'no host': 'GET /x HTTP/1.1\r\nConnection: close\r\n\r\n'
  }
  for (const [what, bytes] of Object.entries(requests)) t.match(await raw(bytes), /^HTTP\/1\.1 [24]/, what)

  const connection = 'Host: gatehouse.test\r\nConnection: close, X-Gatehouse-Signature, X-Request-Id\r\n'
  await raw(`GET /hop HTTP/1.1\r\n${connection}\r\n`)
  const headers = lastHeaders(origin)
  t.ok(headers['x-gatehouse-signature'], 'and no Connection header takes our signature away')
  t.notMatch(String(headers.connection), /gatehouse/i)
})

t.test('workerd: two Authorization headers are invalid, the same or not', async t => {
  const { edge, token } = await build(t, WORKERD)
  const good = `Authorization: Bearer ${token()}`
  t.equal((await sendRaw(edge.url, requestText('GET', '/api/v1/users/me', { headers: [good] }))).status, 200)
  // workerd drops an empty header before a full one: the Worker sees one header, and forwards that one.
  for (const second of [good, 'authorization: Bearer x', 'AUTHORIZATION: Basic eDp5']) {
    for (const headers of [
      [good, second],
      [second, good]
    ]) {
      const answer = await sendRaw(edge.url, requestText('GET', '/api/v1/users/me', { headers }))
      t.equal(answer.status, 401, second.slice(0, 24))
      t.match(answer.body, /"code":"token-invalid"/)
    }
  }
})

t.test('workerd: an edge set up wrongly says so in its log, once, and never because of a forged token', async t => {
  const around = await openSurroundings(t)
  const wrong = [
    [
      { PUBLIC_URL: 'http://other.test', TOKEN_AUDIENCE: PUBLIC_URL },
      { claim: 'iss', expected: 'http://other.test' }
    ],
    [{ TOKEN_AUDIENCE: 'http://other.test' }, { claim: 'aud', expected: 'http://other.test' }],
    [{ ACCESS_TOKEN_TTL: '60' }, { claim: 'life', expected: '1 to 60' }]
  ] as const
  for (const [bindings, expected] of wrong) {
    const edge = await WORKERD.open(t, { ...around.bindings, ...bindings })
    const ask = async (token: string) =>
      (await edge.send('/api/v1/users/me', { headers: { authorization: `Bearer ${token}` } })).status
    const mismatches = () => edge.log.filter(line => line.includes('token-mismatch'))
    const [header, payload] = around.token().split('.')
    t.equal(await ask(`${header}.${payload}.${'A'.repeat(86)}`), 401)
    t.strictSame(mismatches(), [], 'a forgery is not logged')
    for (let round = 0; round < 3; round += 1) t.equal(await ask(around.token()), 401)
    await until('the edge says so', () => mismatches().length > 0)
    t.equal(mismatches().length, 1, 'once')
    const line = mismatches()[0] ?? ''
    t.match(JSON.parse(line.slice(line.indexOf('{'))), { level: 'warn', event: 'token-mismatch', ...expected })
  }
})

t.test('keys in clear text from another machine are a misconfiguration: everything is closed', async t => {
  const { bindings } = await openSurroundings(t)
  const edge = await WORKERD.open(t, { ...bindings, JWKS_URL: 'http://auth.example.com/.well-known/jwks.json' })
  t.equal((await edge.send('/health/live')).status, 503)
  await until('the log says why', () => edge.log.some(line => /misconfigured.*on loopback, found/.test(line)))
})
