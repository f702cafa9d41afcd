/** A call is not lost because this process was held up while its answer came. */

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { deadlineSignal } from '../../../edge/store/deadline-signal.ts'

const DEADLINE_MS = 100

/** Answers from a thread of its own: this one stands still meanwhile. */
const ANSWERING = `
  const server = require('node:http').createServer((request, response) => request.url === '/silent' || response.end('ok'))
  server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port))
`

function standStill(ms: number): void {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs);
}

t.test('deadlineSignal()', async t => {
  const worker = new Worker(ANSWERING, { eval: true })
  t.teardown(() => worker.terminate())
  const [port] = await once(worker, 'message')
  const ask = async (path: string) =>
    (await fetch(`http://127.0.0.1:${port}${path}`, { signal: deadlineSignal(DEADLINE_MS) })).text()
  t.equal(await ask('/'), 'ok')

  await t.test('lets an answer count that came while the process was held up past the deadline', async t => {
    for (let i = 0; i < 10; i++) {
      const asked = ask('/')
      // Until it is on its way.
      for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate)
      standStill(2 * DEADLINE_MS)
      t.equal(await asked, 'ok')
    }
  })
  await t.test('ends a call that is not answered', async t => {
    await t.rejects(ask('/silent'), { name: 'TimeoutError' })
  })
})
