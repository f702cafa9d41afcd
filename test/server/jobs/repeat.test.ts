/** Background jobs: one run at a time, again when woken, and quiet when stopped. */

import t from 'tap'
import { repeat } from '../../../server/jobs/repeat.ts'
import { startInTurn } from '../../../server/jobs/start-in-turn.ts'
import { until } from '../../lib/until.ts'

const NEVER_MS = 1_000_000
const settle = () => new Promise(resolve => setImmediate(resolve))

t.test('repeat() runs at once, and again after its pause', async t => {
  let runs = 0
  const job = repeat({ everyMs: 1, onError: () => {}, run: async () => void runs++ })
  t.equal(runs, 1)
  await job.firstRun
  await until('it has run three times', () => runs >= 3)
  await job.stop()
})

t.test('wake() runs once more after the run that is under way, however often it is called', async t => {
  let runs = 0
  let running = 0
  let most = 0
  const gate = Promise.withResolvers<void>()
  const job = repeat({
    everyMs: NEVER_MS,
    onError: () => {},
    run: async () => {
      runs++
      most = Math.max(most, ++running)
      await gate.promise
      running--
    }
  })
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

t.test('an error is told and ends nothing', async t => {
  const errors: unknown[] = []
  let runs = 0
  const job = repeat({
    everyMs: 1,
    onError: error => errors.push(error),
    run: async () => {
      if (++runs === 1) throw new Error('broken')
    }
  })
  await until('it has run again', () => runs >= 2)
  await job.stop()
  t.match(errors, [{ message: 'broken' }])
})

t.test('stop() waits for the run that is under way and begins no other', async t => {
  let runs = 0
  let ended = false
  const gate = Promise.withResolvers<void>()
  const job = repeat({
    everyMs: 1,
    onError: () => {},
    run: async () => {
      runs++
      await gate.promise
      ended = true
    }
  })
  job.wake()
  const stopped = job.stop().then(() => ended)
  gate.resolve()
  t.ok(await stopped, 'the run had ended')
  job.wake()
  await settle()
  t.equal(runs, 1)
})

t.test(
  'startInTurn() starts each job after the first run of the one before, well or not, and none after stop()',
  async t => {
    const begun: string[] = []
    const gates = new Map(['a', 'b', 'c'].map(name => [name, Promise.withResolvers<void>()]))
    const job = (name: string) => () =>
      repeat({
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
