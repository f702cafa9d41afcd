/** The queue in front of hashing: how many pieces of work run, in which order, and how a full queue refuses. */

import t from 'tap'
import { createHashQueue, QueueFullError } from '../../../../server/lib/passwords/hash-queue.ts'

/** A piece of work that the test ends. */
function work<T>(value: T) {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  let begun = false
  return {
    run: () => {
      begun = true
      return promise
    },
    isBegun: () => begun,
    end: () => resolve(value),
    fail: reject
  }
}

/** Lets every settled promise continue. */
const settle = () => new Promise(resolve => setImmediate(resolve))

t.test('run() begins as much work as it may, and the next piece in order as each ends', async t => {
  const queue = createHashQueue({ concurrency: 2, maxWaiting: 10 })
  const works = [1, 2, 3, 4].map(work)
  const results = works.map(one => queue.run(one.run))
  await settle()
  t.strictSame(
    works.map(one => one.isBegun()),
    [true, true, false, false]
  )
  works[1]?.end()
  await settle()
  t.strictSame(
    works.map(one => one.isBegun()),
    [true, true, true, false]
  )
  for (const one of works) one.end()
  t.strictSame(await Promise.all(results), [1, 2, 3, 4])
})

t.test('run() refuses work beyond its room at once, with a wait, and without beginning it', async t => {
  const queue = createHashQueue({ concurrency: 1, maxWaiting: 2 })
  const works = [1, 2, 3].map(work)
  const results = works.map(one => queue.run(one.run))
  const refused = work(4)
  const error = await queue.run(refused.run).catch((found: unknown) => found)
  t.ok(error instanceof QueueFullError)
  t.ok(error instanceof QueueFullError && error.retryAfterSeconds >= 1)
  for (const one of works) one.end()
  await Promise.all(results)
  t.notOk(refused.isBegun())
  t.equal(await queue.run(async () => 'room again'), 'room again')
})

t.test('ensureRoom() refuses exactly where run() would, and takes no room itself', async t => {
  const queue = createHashQueue({ concurrency: 1, maxWaiting: 1 })
  const works = [1, 2].map(work)
  const results = works.map(one => {
    for (let asked = 0; asked < 3; asked++) queue.ensureRoom()
    return queue.run(one.run)
  })
  t.throws(() => queue.ensureRoom(), { name: 'QueueFullError' })
  works[0]?.end()
  await results[0]
  t.doesNotThrow(() => queue.ensureRoom())
  works[1]?.end()
  await Promise.all(results)
})

t.test('failed work gives its place back, whether it throws or rejects', async t => {
  const queue = createHashQueue({ concurrency: 1, maxWaiting: 2 })
  const failing = work(1)
  const first = queue.run(failing.run)
  const second = queue.run(async () => 'second')
  failing.fail(new Error('broken'))
  await t.rejects(first, { message: 'broken' })
  t.equal(await second, 'second')
  await t.rejects(
    queue.run(() => {
      throw new Error('at once')
    }),
    { message: 'at once' }
  )
  t.equal(await queue.run(async () => 'third'), 'third')
})
