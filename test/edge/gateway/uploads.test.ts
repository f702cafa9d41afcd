/**
 * Request bodies through the whole Worker, in Node and in workerd: refused by size, a failure attributed to client or
 * origin, and half a body never a whole one.
 *
 * Over 200 lines: one rule a test, all over one table of places.
 */

import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { MAX_BODY_BYTES } from '../../../edge/contract/http.ts'
import { until } from '../../lib/until.ts'
import { type Edge, openSurroundings, PLACES, type Surroundings, UPLOAD_WORKER, WORKERD } from '../lib/edge-places.ts'
import { bodyOf, type TinyOrigin } from '../lib/tiny-origin.ts'

interface Setup extends Surroundings {
  /** Gatehouse's own policies. */
  readonly own: Edge
  /** Before a backend that accepts anything, except on `/limited`. */
  readonly open: Edge
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** A body in pieces, without a `Content-Length`, which waits for `next` before each piece except the first. */
function inPieces(pieces: readonly Uint8Array[], next: () => Promise<unknown> = async () => {}): RequestInit {
  const left = [...pieces]
  const body = new ReadableStream({
    async pull(controller) {
      if (left.length < pieces.length) await next()
      const piece = left.shift()
      if (piece === undefined) controller.close()
      else controller.enqueue(piece)
    }
  })
  return { method: 'POST', body, duplex: 'half' } as RequestInit
}

const isProblem = async (t: Test, response: Response, status: number, code: string, what: string) => {
  t.equal(response.status, status, what)
  t.match(await response.json(), { status, code }, what)
}

/** An origin that answers the size of a body. A body that breaks off has no answer. */
function echoSize(origin: TinyOrigin): { whole: number; broken: number } {
  const seen = { whole: 0, broken: 0 }
  origin.answer = (request, response) =>
    void bodyOf(request).then(
      body => {
        seen.whole++
        response.end(String(body.length))
      },
      () => {
        seen.broken++
      }
    )
  return seen
}

/** Codings whose real size the edge cannot see. */
const ENCODINGS = ['gzip', 'br', 'deflate', 'x-gzip', 'zstd', 'gzip, identity', 'identity, gzip', 'none', 'GZIP']

for (const place of PLACES) {
  t.test(`bodies through ${place.name}`, async t => {
    const around = await openSurroundings(t)
    const wide = { EDGE_QUOTA_ADDRESS: '100000/60', EDGE_QUOTA_AUTH: '100000/60' }
    const own = await place.open(t, { ...around.bindings, ...wide })
    const open = await place.open(t, around.bindings, UPLOAD_WORKER)
    for (const [name, rule] of Object.entries(RULES)) await t.test(name, t => rule(t, { ...around, own, open }))
  })
}

const RULES: Readonly<Record<string, (t: Test, setup: Setup) => Promise<void>>> = {
  'five megabytes arrive whole, and begin to arrive before the last one was sent': async (t, { open, origin }) => {
    const bytes = randomBytes(5 * 1024 * 1024)
    let arriving = () => {}
    const begun = new Promise<void>(resolve => {
      arriving = resolve
    })
    origin.answer = async (request, response) => {
      request.once('readable', arriving)
      response.end(sha256(await bodyOf(request)))
    }
    const pieces = [bytes.subarray(0, 1024 * 1024), bytes.subarray(1024 * 1024)]
    t.equal(
      await (
        await open.send(
          '/upload',
          inPieces(pieces, () => begun)
        )
      ).text(),
      sha256(bytes)
    )
  },

  'the largest body passes, one byte more is refused, whether its size is declared or not': async (t, setup) => {
    const seen = echoSize(setup.origin)
    for (const [edge, path, max] of [
      [setup.own, '/api/v1/auth/login', MAX_BODY_BYTES],
      [setup.open, '/limited', 100]
    ] as const) {
      const body = new Uint8Array(max)
      t.equal(await (await edge.send(path, { method: 'POST', body })).text(), String(max), 'declared')
      const half = body.subarray(0, max / 2)
      t.equal(await (await edge.send(path, inPieces([half, half]))).text(), String(max), 'in pieces')
      const before = seen.whole
      for (const size of [max + 1, 2 * max, 1024 * 1024]) {
        const declared = await edge.send(path, {
          method: 'POST',
          headers: { 'content-length': String(size) },
          body: new Uint8Array(size)
        })
        await isProblem(t, declared, 413, 'payload-too-large', `${size} declared`)
        const counted = await edge.send(path, inPieces([body, new Uint8Array(size - max)]))
        await isProblem(t, counted, 413, 'payload-too-large', `${size} counted`)
      }
      t.equal(seen.whole, before, 'and no whole body of them reached the origin')
    }
  },

  'a body with a Content-Encoding is refused where its size is limited, and handed on where it is not': async (
    t,
    { own, open, origin }
  ) => {
    // By the header: a request of an earlier rule, whose client has its answer, may arrive only now.
    const seen = () => origin.requests.filter(({ headers }) => headers['content-encoding'] !== undefined).length
    const before = seen()
    const encoded = (encoding: string) => ({
      method: 'POST',
      headers: { 'content-encoding': encoding, 'content-type': 'application/json' },
      body: '{}'
    })
    for (const encoding of ENCODINGS) {
      await isProblem(
        t,
        await own.send('/api/v1/auth/login', encoded(encoding)),
        415,
        'unsupported-media-type',
        encoding
      )
      await isProblem(t, await open.send('/limited', encoded(encoding)), 415, 'unsupported-media-type', encoding)
    }
    t.equal(seen(), before, 'the origin has not seen them')
    origin.answer = (request, response) => {
      request.resume()
      response.end(request.headers['content-encoding'])
    }
    for (const encoding of ['identity', 'Identity'])
      t.equal((await own.send('/api/v1/auth/login', encoded(encoding))).status, 200, encoding)
    t.equal(await (await open.send('/upload', encoded('gzip'))).text(), 'gzip')
  },

  'an answer that comes before the body was sent is handed on': async (t, { own, open, origin }) => {
    for (const edge of [own, open]) {
      for (const status of [401, 413, 200]) {
        origin.answer = (_request, response) => response.writeHead(status, { 'x-early': 'yes' }).end('early')
        let answered = () => {}
        const wait = new Promise<void>(resolve => {
          answered = resolve
        })
        const response = await edge.send(
          '/upload',
          inPieces([new Uint8Array(10), new Uint8Array(10)], () => wait)
        )
        t.equal(response.status, status)
        t.equal(response.headers.get('x-early'), 'yes')
        t.equal(await response.text(), 'early')
        answered()
      }
    }
  },

  'a body that the client aborts is the fault of the client, and never arrives as a whole one': async (t, setup) => {
    const seen = echoSize(setup.origin)
    const before = setup.origin.requests.length
    const isThere = () => until('the request is at the origin', async () => setup.origin.requests.length > before)
    let pulls = 0
    const body = new ReadableStream({
      async pull(controller) {
        if (pulls++ === 0) return controller.enqueue(new Uint8Array(10))
        await isThere()
        controller.error(new Error('the client has gone'))
      }
    })
    const response = await setup.open
      .send('/upload', { method: 'POST', body, duplex: 'half' } as RequestInit)
      // Where there is a wire between, the client has cut it.
      .catch(() => undefined)
    if (response !== undefined) await isProblem(t, response, 400, 'malformed-request', 'broken off')
    await until('the origin has seen it break off', async () => seen.broken > 0)
    t.equal(seen.whole, 0)
  }
}

/** The answer on a socket after `pieces` were sent one after the other; `end` half-closes it. */
async function raw(
  edge: Edge,
  pieces: readonly string[],
  isSent: () => Promise<unknown>,
  end = false
): Promise<string> {
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk)).on('error', () => {})
  const closed = once(socket, 'close')
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await isSent()
    socket.write(piece)
  }
  if (end) socket.end()
  await closed
  return Buffer.concat(chunks).toString('latin1')
}

const head = (method: string, path: string, ...fields: string[]) =>
  [`${method} ${path} HTTP/1.1`, 'Host: gatehouse.test', 'Connection: close', ...fields, '', ''].join('\r\n')

t.test('in workerd a malformed or broken body is a 400, logs no outage, and never arrives as a whole one', async t => {
  const { bindings, origin } = await openSurroundings(t)
  const edge = await WORKERD.open(t, bindings, UPLOAD_WORKER)
  const seen = echoSize(origin)
  /** A piece is on its way: the origin has the request. */
  const arrival = () => {
    const before = origin.requests.length
    return () => until('the request is at the origin', async () => origin.requests.length > before)
  }
  const CHUNKED = 'Transfer-Encoding: chunked'
  const cases: Readonly<Record<string, { pieces: string[]; end?: true }>> = {
    'a malformed chunk': { pieces: [`${head('POST', '/x', CHUNKED)}zz\r\nhello`] },
    'a malformed chunk after a sound one': { pieces: [`${head('POST', '/x', CHUNKED)}5\r\nhello\r\n`, 'zz\r\nhello'] },
    'a chunk that is longer than it says': { pieces: [`${head('POST', '/x', CHUNKED)}5\r\nhello!\r\n0\r\n\r\n`] },
    'chunks without an end': { pieces: [`${head('POST', '/x', CHUNKED)}5\r\nhello\r\n`, ''], end: true },
    'less than its Content-Length': { pieces: [`${head('POST', '/x', 'Content-Length: 10')}hello`, ''], end: true },
    'on a route with a limit': { pieces: [`${head('POST', '/limited', CHUNKED)}5\r\nhello\r\n`, 'zz\r\nhello'] }
  }
  for (const [what, { pieces, end }] of Object.entries(cases)) {
    const answer = await raw(edge, pieces, arrival(), end)
    t.match(answer, /^HTTP\/1\.1 400 /, what)
    t.match(answer, '"code":"malformed-request"', what)
  }
  for (const method of ['GET', 'HEAD']) {
    t.match(await raw(edge, [`${head(method, '/x', 'Content-Length: 2')}hi`], arrival()), /^HTTP\/1\.1 400 /, method)
    t.match(
      await raw(edge, [`${head(method, '/x', CHUNKED)}2\r\nhi\r\n0\r\n\r\n`], arrival()),
      /^HTTP\/1\.1 400 /,
      method
    )
  }
  t.match(
    await raw(edge, [head('GET', '/x', 'Content-Length: 0')], arrival()),
    /^HTTP\/1\.1 200 /,
    'an empty body is not a body'
  )

  const GZIP = 'Transfer-Encoding: gzip, chunked'
  t.match(await raw(edge, [`${head('POST', '/x', GZIP)}2\r\nhi\r\n0\r\n\r\n`], arrival()), /^HTTP\/1\.1 400 /, GZIP)
  for (const length of ['9007199254740992', '18446744073709551615'])
    t.match(
      await raw(edge, [head('POST', '/x', `Content-Length: ${length}`)], arrival(), true),
      /^HTTP\/1\.1 4/,
      length
    )

  const gone = arrival()
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1')
  socket.write(`${head('POST', '/x', 'Content-Length: 10')}hello`)
  await gone()
  const { broken } = seen
  socket.resetAndDestroy()
  await until('the origin has seen it go', async () => seen.broken > broken)

  t.equal(seen.whole, 1, 'the one without a body')
  t.strictSame(edge.log, [], 'and nothing of it is in the log')
})

t.test('in workerd an upload that stalls is given up at the deadline, and is not an outage of the origin', async t => {
  const { bindings, origin } = await openSurroundings(t)
  const edge = await WORKERD.open(t, { ...bindings, ORIGIN_DEADLINE: '1' }, UPLOAD_WORKER)
  const seen = echoSize(origin)
  for (const more of ['Content-Length: 10', 'Transfer-Encoding: chunked']) {
    const body = more.startsWith('C') ? 'hello' : '5\r\nhello\r\n'
    const answer = await raw(edge, [head('POST', '/x', more) + body], async () => {})
    t.match(answer, /^HTTP\/1\.1 400 /, more)
  }
  t.strictSame([seen.whole, edge.log.length], [0, 0])

  origin.answer = request => void request.resume()
  t.match(await raw(edge, [`${head('POST', '/x', 'Content-Length: 5')}hello`], async () => {}), /^HTTP\/1\.1 503 /)
  t.match(edge.log, [/the origin did not answer in time/], 'an origin that has all of it and says nothing is one')
})

t.test('in workerd a declared length stays declared, for backends that know no chunks', async t => {
  const { bindings, origin } = await openSurroundings(t)
  const edge = await WORKERD.open(t, bindings, UPLOAD_WORKER)
  origin.answer = (request, response) => {
    request.resume()
    response.end(`${request.headers['content-length']} ${request.headers['transfer-encoding']}`)
  }
  t.equal(await (await edge.send('/x', { method: 'POST', body: 'hello' })).text(), '5 undefined')
  t.equal(await (await edge.send('/x', inPieces([new Uint8Array(5)]))).text(), 'undefined chunked')
})

t.test('in workerd two Host headers are a 400, the same one twice too', async t => {
  const { bindings, origin } = await openSurroundings(t)
  const edge = await WORKERD.open(t, bindings)
  for (const host of ['gatehouse.test', 'evil.test'])
    t.match(await raw(edge, [head('GET', '/x', `Host: ${host}`)], async () => {}), /^HTTP\/1\.1 400 /, host)
  t.strictSame([origin.requests.length, edge.log.length], [0, 0])
})
