/** The edge when the origin is away, is slow or breaks off: it answers with a problem by its deadline. */

import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { openSurroundings, PLACES } from '../edge/lib/edge-places.ts'
import { createGatewaySetup } from '../edge/lib/gateway-setup.ts'
import { type Answer, openTinyOrigin } from '../edge/lib/tiny-origin.ts'

const DEADLINE_MS = 15_000
const PUBLIC = 'http://gatehouse.test/health/live'

async function isUnavailable(t: Test, response: Response): Promise<void> {
  t.equal(response.status, 503)
  t.equal(response.headers.get('content-type'), 'application/problem+json')
  t.equal(response.headers.get('retry-after'), '1')
  t.match(await response.json(), {
    code: 'unavailable',
    status: 503,
    title: 'The service is unavailable at the moment'
  })
}

for (const place of PLACES) {
  t.test(
    `the Worker in ${place.name} answers 503 for an origin that is down, and works again once it is up`,
    async t => {
      const { bindings, origin, token } = await openSurroundings(t)
      const edge = await place.open(t, bindings)
      const mine = { headers: { authorization: `Bearer ${token()}` } }
      t.equal((await edge.send('/api/v1/users/me', mine)).status, 200)

      origin.answer = (_request, response) => response.destroy()
      await isUnavailable(t, await edge.send('/health/live'))
      origin.answer = (request, response) => {
        request.resume()
        response.end('ok')
      }
      t.equal((await edge.send('/health/live')).status, 200)

      await origin.close()
      await isUnavailable(t, await edge.send('/health/live'))
      await isUnavailable(t, await edge.send('/upload', { method: 'POST', body: 'x'.repeat(16_384) }))
      await isUnavailable(t, await edge.send('/api/v1/users/me', mine))
      const forged = await edge.send('/api/v1/users/me', { headers: { authorization: 'Bearer a.b.c' } })
      t.equal(forged.status, 401, 'while the keys stay known')
    }
  )

  t.test(`a body that the origin breaks off ends in an error and not in silence: ${place.name}`, async t => {
    const { bindings, origin } = await openSurroundings(t)
    const edge = await place.open(t, bindings)
    origin.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('half')
      setImmediate(() => response.destroy())
    }
    await t.rejects(edge.send('/half').then(response => response.text()))
  })

  t.test(`keys that cannot be fetched are a 503, not a 401: ${place.name}`, async t => {
    const { bindings, origin, token } = await openSurroundings(t)
    const gone = await openTinyOrigin(t)
    await gone.close()
    const edge = await place.open(t, { ...bindings, JWKS_URL: `${gone.url}/jwks.json` })
    await isUnavailable(t, await edge.send('/api/v1/users/me', { headers: { authorization: `Bearer ${token()}` } }))
    t.equal((await edge.send('/health/live')).status, 200)
    t.equal(origin.requests.length, 1)
  })
}

const SLOW: Readonly<Record<string, Answer>> = {
  'says nothing': () => {},
  'begins its head and stops': (request, _response) => request.socket.write('HTTP/1.1 200 OK\r\nX-Half: ')
}

for (const [what, answer] of Object.entries(SLOW)) {
  t.test(`an origin that ${what} is given up at the deadline`, async t => {
    const origin = await openTinyOrigin(t)
    origin.answer = answer
    const { gateway, events } = createGatewaySetup({
      originUrl: origin.url,
      deadlineMs: 100,
      fetch: (input, init) => fetch(input, init)
    })
    await isUnavailable(t, await gateway(new Request(PUBLIC), '192.0.2.1'))
    t.match(events, [{ reason: 'the origin did not answer in time' }])
  })
}

t.test('the deadline is exactly the configured one, and ends with the head of the answer', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  let asked = 0
  let answer: (response: Response) => void = () => {}
  const { gateway } = createGatewaySetup({
    deadlineMs: DEADLINE_MS,
    fetch: () => {
      asked++
      return new Promise(resolve => {
        answer = resolve
      })
    }
  })
  const begin = async () => {
    const before = asked
    const passage = { isOver: false, response: gateway(new Request(PUBLIC), '192.0.2.1') }
    passage.response.finally(() => {
      passage.isOver = true
    })
    while (asked === before) await new Promise(resolve => setImmediate(resolve))
    return passage
  }
  /** Runs every task that waits for no event. */
  const settle = () => new Promise(resolve => setImmediate(resolve))

  const slow = await begin()
  mock.timers.tick(DEADLINE_MS - 1)
  await settle()
  t.notOk(slow.isOver, 'not a millisecond sooner')
  mock.timers.tick(1)
  await isUnavailable(t, await slow.response)
  let isCancelled = false
  const cancel = () => {
    isCancelled = true
  }
  answer(new Response(new ReadableStream({ cancel })))
  await settle()
  t.ok(isCancelled, 'what comes too late is let go')

  const streaming = await begin()
  mock.timers.tick(DEADLINE_MS - 1)
  answer(new Response('a body that takes its time'))
  const response = await streaming.response
  mock.timers.tick(10 * DEADLINE_MS)
  await settle()
  t.equal(await response.text(), 'a body that takes its time', 'a body may take as long as it likes')
})
