/** Background jobs: one run at a time, another when woken, and none after a stop. */

import t from 'tap'
import { createRepeatedJob } from '../../../server/jobs/repeated-job.ts'
import { startInTurn } from '../../../server/jobs/start-in-turn.ts'
import { until } from '../../lib/until.ts'

const NEVER_MS = 1_000_000
const settle = () => new Promise(resolve => setImmediate(resolve))

t.test('start() runs at once, and again after the pause; nothing runs before it', async t => {
  let runs = 0
  const job = createRepeatedJob({ everyMs: 1, onError: () => {}, run: async () => void runs++ })
  job.wake()
  await settle()
  t.equal(runs, 0)
  const firstRun = job.start()
  t.equal(runs, 1)
  await firstRun
  await until('it has run three times', () => runs >= 3)
  await job.stop()
})

t.test('wake() runs once more after the current run, however often it is called', async t => {
  let runs = 0
  let running = 0
  let most = 0
  const gate = Promise.withResolvers<void>()
  const job = createRepeatedJob({
    everyMs: NEVER_MS,
    onError: () => {},
    run: async () => {
      runs++
      most = Math.max(most, ++running)
      await gate.promise
      running--
    }
  })
  job.start()
  for (let i = 0; i < 5; i++) job.wake()
  gate.resolve()
  await settle()
  t.equal(runs, 2)
  t.equal(most, 1, 'never two at a time')
  job.wake()
  await settle()
  t.equal(runs, 3, 'woken between runs it runs at once')
  await job.stop()
})

t.test('an error is reported, and the job runs again', async t => {
  const errors: unknown[] = []
  let runs = 0
  const job = createRepeatedJob({
    everyMs: 1,
    onError: error => errors.push(error),
    run: async () => {
      if (++runs === 1) throw new Error('broken')
    }
  })
  job.start()
  await until('it has run again', () => runs >= 2)
  await job.stop()
  t.match(errors, [{ message: 'broken' }])
})

t.test('stop() waits for the current run and begins no other', async t => {
  let runs = 0
  let ended = false
  const gate = Promise.withResolvers<void>()
  const job = createRepeatedJob({
    everyMs: 1,
    onError: () => {},
    run: async () => {
      runs++
      await gate.promise
      ended = true
    }
  })
  job.start()
  job.wake()
  const stopped = job.stop().then(() => ended)
  gate.resolve()
  t.ok(await stopped, 'the run had ended')
  job.wake()
  await settle()
  t.equal(runs, 1)
  await job.start()
  t.equal(runs, 1, 'a stopped job stays stopped')
})

t.test(
  'startInTurn() starts each job after the first run of the job before, also a failed one, and none after stop()',
  async t => {
    const begun: string[] = []
    const gates = new Map(['a', 'b', 'c'].map(name => [name, Promise.withResolvers<void>()]))
    const job = (name: string) =>
      createRepeatedJob({
        everyMs: NEVER_MS,
        onError: () => {},
        run: async () => {
          begun.push(name)
          await gates.get(name)?.promise
        }
      })
    const jobs = startInTurn(['a', 'b', 'c'].map(job))
    await settle()
    t.strictSame(begun, ['a'])
    gates.get('a')?.reject(new Error('a failure'))
    await settle()
    t.strictSame(begun, ['a', 'b'])
    const stopping = jobs.stop()
    gates.get('b')?.resolve()
    await stopping
    t.strictSame(begun, ['a', 'b'])
  }
)
