/** What the load generator counts, and when it starts. */

import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { load } from '../../bench/lib/load.ts'
import { createPacer } from '../../bench/lib/paced-sends.ts'
import { rawRequest } from '../../bench/lib/raw-request.ts'
import { createRecorder } from '../../bench/lib/recorder.ts'
import { quantileOf } from '../../bench/lib/statistics.ts'
import { each, inTurn } from '../../bench/lib/token-requests.ts'
import type { Teardown } from '../lib/test-engines.ts'

async function openServer(t: Teardown, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const SHORT = { warmSeconds: 0.05, seconds: 0.2, next: () => rawRequest({ path: '/' }) }

t.test('a recorder counts between begin and end, and errors from the start', async t => {
  const recorder = createRecorder({ statuses: [200], refusals: [503] })
  recorder.answered(200, 0, 5)
  recorder.answered(500, 0, 5)
  recorder.begin(10)
  recorder.answered(200, 10, 13)
  recorder.answered(503, 10, 11)
  recorder.end(1010)
  recorder.answered(200, 10, 1011)
  recorder.failed('too late to count')
  const { count, perSecond, latency, refused, errors, errorKinds } = recorder.result()
  t.strictSame([count, perSecond, errors], [1, 1, 1])
  t.strictSame([quantileOf(latency, 0.5), quantileOf(refused, 0.5)], [3, 1])
  t.strictSame(errorKinds, { 'status 500': 1 })
})

t.test('load() counts a wrong status and a closed connection as errors', async t => {
  let asked = 0
  const url = await openServer(t, (request, response) => {
    asked++
    if (asked === 20) request.socket.destroy()
    else response.writeHead(asked === 10 ? 500 : 200).end('ok')
  })
  const { count, errorKinds } = await load({ ...SHORT, url, connections: 2 })
  t.ok(count > 20)
  t.equal(errorKinds['status 500'], 1)
  t.equal(
    Object.values(errorKinds).reduce((sum, kind) => sum + kind, 0),
    2,
    'and the closed one'
  )
})

t.test('load() passes each body on before its connection sends again', async t => {
  const url = await openServer(t, (request, response) => response.end(`after ${request.url}`))
  let path = '/0'
  let broken = 0
  await load({
    ...SHORT,
    url,
    connections: 1,
    next: () => rawRequest({ path }),
    onAnswer: (_connection, status, body) => {
      if (status !== 200 || body !== `after ${path}`) broken++
      path = `/${Number(path.slice(1)) + 1}`
    }
  })
  t.equal(broken, 0)
  t.ok(Number(path.slice(1)) > 10)
})

t.test('each() returns no request twice, inTurn() begins again', async t => {
  const [a, b] = [Buffer.from('a'), Buffer.from('b')]
  const once = each([a, b])
  t.strictSame([once(), once()], [a, b])
  t.throws(once, /prepare more/)
  const again = inTurn([a, b])
  t.strictSame([again(), again(), again()], [a, b, a])
})

t.test('an open loop counts latency from when a request was due, not from when a connection was free', async t => {
  let nowMs = 0
  const pacer = createPacer(100, () => nowMs)
  t.teardown(() => pacer.stop())
  const sent: number[] = []
  const client = { _doRequest: () => void sent.push(paced.dueMs()) }
  const paced = pacer.attach(client)

  client._doRequest()
  t.strictSame(sent, [], 'nothing is due yet')
  pacer.tick()
  t.strictSame(sent, [0], 'the first is due at once')
  // The connection is busy for 95 ms; nine more fall due meanwhile.
  for (nowMs = 10; nowMs <= 95; nowMs += 5) pacer.tick()
  for (let answer = 0; answer < 9; answer++) client._doRequest()
  t.strictSame(sent, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90])
})

t.test('an open loop excludes the delay of its own timer, and nothing more', async t => {
  let nowMs = 0
  const pacer = createPacer(100, () => nowMs)
  t.teardown(() => pacer.stop())
  const sent: number[] = []
  const client = { _doRequest: () => void sent.push(paced.dueMs()) }
  const paced = pacer.attach(client)
  pacer.tick()
  client._doRequest()
  client._doRequest()
  nowMs = 11.5
  pacer.tick()
  client._doRequest()
  nowMs = 29
  pacer.tick()
  t.strictSame(sent, [0, 11.5, 20], 'the second counts from its send, the third from when it was due')
})
