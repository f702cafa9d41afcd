/** One request, one answer: what the HTTP parser refuses never adds a second one, and never overtakes an earlier one. */

import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { until } from '../../lib/until.ts'
import { openSubject, sendRaw } from './subject.ts'

const { url, origin, another } = await openSubject(t)
const LOGIN = '/api/v1/auth/login'
const CHUNKED = 'Transfer-Encoding: chunked'
const JSON_TYPE = 'Content-Type: application/json'
const MALFORMED_CHUNK = 'zz\r\n'

/** A request head that leaves the connection open. */
function head(method: string, path: string, ...headers: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: gatehouse.test', ...headers, '', ''].join('\r\n')
}

/** The status of each answer in a transcript, in order. */
function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(match => Number(match[1]))
}

/** Opens a connection on which a test writes segment by segment. */
async function openConversation() {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.setNoDelay(true)
  socket.on('data', chunk => {
    text += chunk
  })
  socket.on('error', () => {})
  const closing = once(socket, 'close')
  await once(socket, 'connect')
  return {
    write: (segment: string) => socket.write(segment),
    answers: (count: number) => until(`${count} answers are there`, () => statuses(text).length >= count),
    /** Every status until the server has closed the connection. */
    async closed() {
      await closing
      return statuses(text)
    }
  }
}

/** Requests that are answered from their heads, before any of their bodies. */
const EARLY: readonly [string, number, string][] = [
  ['no token', 401, head('DELETE', '/api/v1/users/me', CHUNKED)],
  ['cross-site', 403, head('POST', LOGIN, CHUNKED, 'Origin: https://evil.example', JSON_TYPE)],
  ['no route', 404, head('POST', '/nowhere', CHUNKED)],
  ['no such method', 405, head('PUT', LOGIN, CHUNKED)],
  ['not JSON', 415, head('POST', LOGIN, CHUNKED, 'Content-Type: text/plain')],
  ['a route without a body', 200, head('GET', '/health/live', CHUNKED)],
  ['a path that cannot be decoded', 400, head('POST', '/%ff', CHUNKED)]
]

t.test('an early answer is the only one, whatever becomes of the body after it', async t => {
  const bodies = {
    'a malformed chunk': MALFORMED_CHUNK,
    'a chunk, then a malformed one': `2\r\n{}\r\n${MALFORMED_CHUNK}`,
    'extensions of a chunk without end': `2;${'x'.repeat(20_000)}`,
    'trailers without end': `0\r\nX: ${'x'.repeat(20_000)}`
  }
  for (const [name, status, request] of EARLY) {
    for (const [what, body] of Object.entries(bodies)) {
      const conversation = await openConversation()
      conversation.write(request)
      await conversation.answers(1)
      conversation.write(body)
      t.strictSame(await conversation.closed(), [status], `${name}, then ${what}`)
    }
  }
})

t.test('in one segment, too, there is one answer', async t => {
  for (const [name, status, request] of EARLY) {
    const conversation = await openConversation()
    conversation.write(request + MALFORMED_CHUNK)
    const found = await conversation.closed()
    t.equal(found.length, 1, name)
    t.ok(found[0] === status || found[0] === 400, `${name}: ${found[0]}`)
  }
})

t.test('a malformed body of a request that was not answered yet is answered 400, once', async t => {
  for (const body of [MALFORMED_CHUNK, `2\r\n{}\r\n${MALFORMED_CHUNK}`]) {
    const conversation = await openConversation()
    conversation.write(head('POST', LOGIN, CHUNKED, JSON_TYPE) + body)
    t.strictSame(await conversation.closed(), [400])
  }
})

t.test('after a complete request, what follows is another request, with an answer of its own', async t => {
  const following: readonly [string, number, string][] = [
    ['no HTTP', 400, 'hello\r\n\r\n'],
    ['headers without end', 431, head('GET', '/', `X: ${'a'.repeat(20_000)}`)],
    ['a malformed chunk', 400, head('POST', LOGIN, CHUNKED, JSON_TYPE) + MALFORMED_CHUNK]
  ]
  for (const [name, status, next] of following) {
    const kept = await openConversation()
    kept.write(head('GET', '/health/live'))
    await kept.answers(1)
    kept.write(next)
    t.strictSame(await kept.closed(), [200, status], `${name}, on a connection that was kept`)

    // Readiness asks the database and Redis: its answer is not begun when the parser meets the fault.
    const pipelined = await openConversation()
    pipelined.write(head('GET', '/health/ready') + next)
    t.strictSame(await pipelined.closed(), [200, status], `${name}, pipelined: the first answer comes first`)
  }
  const early = await openConversation()
  early.write(head('GET', '/health/ready') + head('DELETE', '/api/v1/users/me', CHUNKED) + MALFORMED_CHUNK)
  const found = await early.closed()
  t.equal(found[0], 200)
  t.equal(found.length, 2, 'the second request has one answer, after that of the first')
})

t.test('bytes after a request that closes its connection belong to no request', async t => {
  for (const path of ['/health/live', '/health/ready']) {
    const conversation = await openConversation()
    conversation.write(`${head('GET', path, 'Connection: close')}hello\r\n\r\n`)
    t.strictSame(await conversation.closed(), [200], path)
  }
})

t.test('a request that does not arrive in time is cut, with one answer at most', async t => {
  const { server } = origin.app
  t.ok(server.requestTimeout > 0)
  t.ok(server.headersTimeout <= server.requestTimeout, 'Node exchanges them otherwise')
  // Node looks for requests that are too late only once in this time.
  const { connectionsCheckingInterval } = server as unknown as { connectionsCheckingInterval: number }
  t.ok(connectionsCheckingInterval <= server.requestTimeout / 10, 'the limit is what it says')

  const configured = server.requestTimeout
  server.headersTimeout = server.requestTimeout = 100
  t.teardown(() => {
    server.headersTimeout = server.requestTimeout = configured
  })
  const cases: readonly [string, number[], string][] = [
    ['half a head', [400], 'GET / HTTP/1.1\r\nHost: '],
    ['half a body', [400], `${head('POST', LOGIN, 'Content-Length: 10', JSON_TYPE)}{`],
    ['half a body after an early answer', [401], `${head('DELETE', '/api/v1/users/me', 'Content-Length: 10')}{`],
    ['an open chunk after an early answer', [404], `${head('POST', '/nowhere', CHUNKED)}f\r\n{`],
    ['nothing at all', [], '']
  ]
  const idle = await openConversation()
  idle.write(head('GET', '/health/live'))
  await idle.answers(1)
  const found = await Promise.all(
    cases.map(async ([, , text]) => {
      const conversation = await openConversation()
      if (text !== '') conversation.write(text)
      return conversation.closed()
    })
  )
  cases.forEach(([name, expected], i) => {
    t.strictSame(found[i], expected, name)
  })
  idle.write(head('GET', '/health/live', 'Connection: close'))
  t.strictSame(await idle.closed(), [200, 200], 'a connection that waits for its next request is not late')
})

t.test('every address of "localhost" answers malformed HTTP with a problem', async t => {
  const { app } = await another({ HOST: 'localhost' })
  for (const { address, family, port } of app.addresses() as AddressInfo[]) {
    const host = family === 'IPv6' ? `[${address}]` : address
    const answer = await sendRaw(`http://${host}:${port}`, 'hello\r\n\r\n')
    t.match(answer, { status: 400, body: /"malformed-request"/ }, host)
  }
})
