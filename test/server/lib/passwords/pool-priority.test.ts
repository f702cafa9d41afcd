/** Hashing gets a lower priority than the event loop, whose priority does not change. */

import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import bcrypt from 'bcrypt'
import t from 'tap'
import { lowerPoolPriority, POOL_NICENESS } from '../../../../server/lib/passwords/pool-priority.ts'

const skip = process.platform !== 'linux' && 'only Linux gives a thread a priority of its own'

t.test('lowerPoolPriority() lowers the priority of all threads of the pool, and of no others', { skip }, async t => {
  const before = getPriority(process.pid)
  await bcrypt.hash('anything', 4)
  const lowered = lowerPoolPriority()
  t.ok(lowered >= 2, `${lowered} threads`)

  const tasks = readdirSync('/proc/self/task').map(thread => ({
    name: readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim(),
    niceness: getPriority(Number(thread))
  }))
  const pool = tasks.filter(({ name }) => name === 'libuv-worker')
  t.equal(pool.length, lowered)
  for (const { niceness } of pool) t.equal(niceness, before + POOL_NICENESS)
  t.equal(getPriority(process.pid), before)
})
