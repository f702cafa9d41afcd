/** A call is not lost because this process was held up while its answer came. */

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { deadlineSignal } from '../../../edge/store/deadline-signal.ts'

/** Long enough for any machine to answer in time, where nothing holds it up. */
const DEADLINE_MS = 1_000

/** Answers from a thread of its own, a moment after it has reported a request. The main thread stands still meanwhile. */
const ANSWERING = `
  const { parentPort } = require('node:worker_threads')
  const server = require('node:http').createServer((request, response) => {
    parentPort.postMessage('asked')
    if (request.url !== '/silent') setTimeout(() => response.end('ok'), 20)
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

/** Blocks the event loop, without work for the processor. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

t.test('deadlineSignal()', async t => {
  const worker = new Worker(ANSWERING, { eval: true })
  t.teardown(() => worker.terminate())
  const [port] = await once(worker, 'message')
  const ask = async (path: string) =>
    (await fetch(`http://127.0.0.1:${port}${path}`, { signal: deadlineSignal(DEADLINE_MS) })).text()
  t.equal(await ask('/'), 'ok')

  await t.test('lets an answer count that came while the process was held up past the deadline', async t => {
    for (let i = 0; i < 2; i++) {
      const isAsked = once(worker, 'message')
      const answer = ask('/')
      await isAsked
      standStill(1.1 * DEADLINE_MS)
      t.equal(await answer, 'ok')
    }
  })
  await t.test('ends a call that is not answered', async t => {
    await t.rejects(ask('/silent'), { name: 'TimeoutError' })
  })
})
