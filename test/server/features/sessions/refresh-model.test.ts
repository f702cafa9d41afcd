/** The promise of the refresh rule, over thousands of made-up lives of a session; `refresh-world.ts` is the world. */

import fc from 'fast-check'
import t from 'tap'
import { GRACE_MS, honestLife, lifeWithThief, RefreshWorld, ruleServer } from '../../../lib/refresh-world.ts'

const RUNS = { numRuns: 10_000 }
const START_MS = 1_800_000_000_000
const newWorld = () => new RefreshWorld(ruleServer(START_MS), START_MS)

t.test('an honest client alone is never logged out', async t => {
  await fc.assert(
    fc.asyncProperty(honestLife, async steps => {
      const world = newWorld()
      await world.live(steps)
      for (const ms of [0, GRACE_MS, 3_600_000]) {
        await world.wait(ms)
        await world.ownerRefreshes()
      }
      return world.log.every(({ outcome }) => typeof outcome === 'number')
    }),
    RUNS
  )
  t.pass(`${RUNS.numRuns} lives`)
})

t.test(
  'after a theft the session ends at the latest with the second rotation of which the thief comes late',
  async t => {
    await fc.assert(
      fc.asyncProperty(lifeWithThief, fc.boolean(), async (steps, thiefGoesFirst) => {
        const world = newWorld()
        await world.live(steps)
        if (world.thief === undefined) world.thief = world.jar
        await world.wait(GRACE_MS)
        for (let rotation = 0; rotation < 2; rotation++) {
          await (thiefGoesFirst ? world.thiefAsks() : world.ownerRefreshes())
          await world.thiefUses()
          await world.wait(GRACE_MS)
          await (thiefGoesFirst ? world.ownerRefreshes() : world.thiefAsks())
          await world.thiefUses()
          await world.wait(GRACE_MS)
        }
        return (await world.ownerRefreshes()) === 'dead'
      }),
      RUNS
    )
    t.pass(`${RUNS.numRuns} lives`)
  }
)

t.test('a token is accepted and refused by the words of the contract, whoever presents it', async t => {
  await fc.assert(
    fc.asyncProperty(lifeWithThief, async steps => {
      const world = newWorld()
      await world.live(steps)
      const newest = (until: number) =>
        Math.max(0, ...world.log.slice(0, until).map(({ outcome }) => (typeof outcome === 'number' ? outcome : 0)))
      const ends = world.log.findIndex(({ outcome }) => outcome === 'reused')
      return world.log.every(({ counter, outcome }, i) => {
        const current = newest(i)
        if (ends !== -1 && i > ends) return outcome === 'dead'
        if (i === ends) return counter < current
        return outcome === current || (outcome === current + 1 && counter === current)
      })
    }),
    RUNS
  )
  t.pass(`${RUNS.numRuns} lives`)
})

const refresh = { kind: 'refresh' } as const
const send = { kind: 'send', tab: 0, noteMs: 0 } as const
const arrive = { kind: 'arrive', pick: 0 } as const
const deliver = { kind: 'deliver', pick: 0 } as const
const wait = (ms: number) => ({ kind: 'wait', ms }) as const
const isLoggedIn = async (steps: Parameters<RefreshWorld['live']>[0]) => {
  const world = newWorld()
  await world.live([...steps, wait(900_000), refresh, wait(900_000), refresh])
  return world.log.every(({ outcome }) => typeof outcome === 'number')
}

t.test('an answer that is late never puts back a cookie that was used since', async t => {
  const late = [refresh, wait(GRACE_MS - 200), send, arrive, wait(900), refresh, deliver]
  t.ok(await isLoggedIn(late), 'a young token is not set again')
  const lost = [send, arrive, { kind: 'lose', pick: 0 } as const, wait(GRACE_MS - 200), send, arrive, send, arrive]
  t.ok(await isLoggedIn([...lost, deliver, wait(900), refresh, deliver]), 'nor is one that was handed out again')
})

t.test('the crash that forgets a cookie which was already used cannot be told from a theft', async t => {
  const world = newWorld()
  await world.live([refresh])
  const forgotten = world.jar
  await world.live([wait(900_000), refresh, wait(GRACE_MS)])
  world.jar = forgotten
  t.equal(await world.ownerRefreshes(), 'reused')
})

t.test('a thief who asks within the grace of every rotation rides along', async t => {
  const world = newWorld()
  await world.live([refresh, { kind: 'steal' }])
  for (let rotation = 0; rotation < 5; rotation++) {
    await world.live([wait(900_000), refresh, wait(GRACE_MS - 1)])
    t.type(await world.thiefAsks(), 'number')
  }
})
