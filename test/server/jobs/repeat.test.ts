/** Background jobs: one run at a time, again when woken, and quiet when stopped. */

import t from 'tap'
import { repeat } from '../../../server/jobs/repeat.ts'
import { until } from '../../lib/until.ts'

const NEVER_MS = 1_000_000
const settle = () => new Promise(resolve => setImmediate(resolve))

t.test('repeat() runs at once, and again after its pause', async t => {
  let runs = 0
  const job = repeat({ everyMs: 1, onError: () => {}, run: async () => void runs++ })
  t.equal(runs, 1)
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
