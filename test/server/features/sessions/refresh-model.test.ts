/** The promises of the refresh rule, over thousands of generated lives of a session from `refresh-world.ts`. */

import fc from 'fast-check'
import t from 'tap'
import {
  type Entry,
  GRACE_MS,
  honestLife,
  lifeWithThief,
  RefreshWorld,
  ruleServer,
  type Step
} from '../../../lib/refresh-world.ts'

/** `REFRESH_LIVES=200000` runs more of them. */
const RUNS = { numRuns: Number(process.env.REFRESH_LIVES ?? 10_000) }
const START_MS = 1_800_000_000_000
const newWorld = () => new RefreshWorld(ruleServer(START_MS), START_MS)
const isAccepted = (entry: Entry) =>
  entry.kind === 'presented' ? typeof entry.outcome === 'number' : entry.isStolen === false

t.setTimeout(3_600_000)

t.test('an honest client alone is never logged out', async t => {
  await fc.assert(
    fc.asyncProperty(honestLife, async steps => {
      const world = newWorld()
      await world.live(steps)
      for (const ms of [0, GRACE_MS, 3_600_000]) {
        await world.wait(ms)
        await world.ownerRefreshes()
      }
      return world.log.every(isAccepted)
    }),
    RUNS
  )
  t.pass(`${RUNS.numRuns} lives`)
})

/** When the thief uses its access token: at once, or after the owner has refreshed. */
const thiefUses = fc.constantFrom('at once', 'later')

t.test('a session ends with the second rotation after a theft, if both sides use their tokens', async t => {
  await fc.assert(
    fc.asyncProperty(lifeWithThief, fc.boolean(), thiefUses, async (steps, thiefGoesFirst, when) => {
      const world = newWorld()
      await world.live(steps)
      if (world.thief === undefined) world.thief = world.jar
      await world.wait(GRACE_MS)
      const thief = async () => {
        await world.thiefAsks()
        if (when === 'at once') await world.thiefUses()
      }
      for (let rotation = 0; rotation < 2; rotation++) {
        await (thiefGoesFirst ? thief() : world.ownerRefreshes())
        await world.wait(GRACE_MS)
        await (thiefGoesFirst ? world.ownerRefreshes() : thief())
        await world.wait(GRACE_MS)
        await world.thiefUses()
      }
      return (await world.ownerRefreshes()) === 'dead'
    }),
    RUNS
  )
  t.pass(`${RUNS.numRuns} lives`)
})

t.test('each token is accepted or refused as the rule says, from the owner and from a thief', async t => {
  await fc.assert(
    fc.asyncProperty(lifeWithThief, async steps => {
      const world = newWorld()
      await world.live(steps)
      return followsTheRule(world.log)
    }),
    RUNS
  )
  t.pass(`${RUNS.numRuns} lives`)
})

/** The rule once more, from the log alone, without the state of a session. */
function followsTheRule(log: readonly Entry[]): boolean {
  let [current, youngUntilMs] = [0, 0]
  const lateHandoutsMs = new Map<number, number>()
  let [isUsed, isOver] = [false, false]
  const hand = (atMs: number) => {
    youngUntilMs = atMs + GRACE_MS
  }
  return log.every(entry => {
    if (entry.kind === 'seen') {
      const { token, isStolen } = entry
      const lateMs = lateHandoutsMs.get(token.counter) ?? 0
      const isStale = !isOver && token.issuedMs < lateMs - GRACE_MS / 2
      isUsed ||= token.counter === current && !isStale
      isOver ||= isStale
      return isStolen === isStale
    }
    const { counter, atMs, outcome } = entry
    if (isOver) return outcome === 'dead'
    const isYoung = atMs < youngUntilMs
    if (counter === current && isYoung) isUsed = true
    else if (counter === current) {
      ;[current, isUsed] = [current + 1, false]
      hand(atMs)
    } else if (counter === current - 1 && (isYoung || !isUsed)) {
      if (!isYoung) lateHandoutsMs.set(current, atMs)
      if (!isUsed) hand(atMs)
    } else {
      isOver = true
      return outcome === 'reused'
    }
    return outcome === current
  })
}

const refresh = { kind: 'refresh' } as const
const send = { kind: 'send', tab: 0, noteMs: 0 } as const
const arrive = { kind: 'arrive', pick: 0 } as const
const deliver = { kind: 'deliver', pick: 0 } as const
const wait = (ms: number) => ({ kind: 'wait', ms }) as const

t.test('a late answer never puts back a cookie that was used since', async t => {
  const isLoggedIn = async (steps: readonly Step[]) => {
    const world = newWorld()
    await world.live([...steps, wait(900_000), refresh, wait(900_000), refresh])
    return world.log.every(isAccepted)
  }
  const late = [refresh, wait(GRACE_MS - 200), send, arrive, wait(900), refresh, deliver]
  t.ok(await isLoggedIn(late), 'a young token is not set again')
  const lost = [send, arrive, { kind: 'lose', pick: 0 } as const, wait(GRACE_MS - 200), send, arrive, send, arrive]
  t.ok(await isLoggedIn([...lost, deliver, wait(900), refresh, deliver]), 'nor is one that was handed out again')
})

t.test('a thief that refreshes first and uses the access token later is caught by it', async t => {
  const world = newWorld()
  await world.live([refresh, { kind: 'steal' }, wait(900_000)])
  await world.thiefAsks()
  await world.wait(480_000)
  t.type(await world.ownerRefreshes(), 'number', 'the owner could have lost the answer')
  await world.thiefUses()
  t.equal(await world.ownerRefreshes(), 'dead', 'but then its access token would be lost, too')
})

t.test('a thief that rotates once more before it uses that access token is caught, too', async t => {
  const world = newWorld()
  await world.live([refresh, { kind: 'steal' }, wait(900_000)])
  await world.thiefAsks()
  await world.wait(480_000)
  await world.ownerRefreshes()
  await world.wait(GRACE_MS)
  t.type(await world.thiefAsks(), 'number')
  await world.thiefUses(0)
  t.equal(await world.ownerRefreshes(), 'dead')
})

t.test('a crash that loses a cookie after its use looks like a theft', async t => {
  const world = newWorld()
  await world.live([refresh])
  const forgotten = world.jar
  await world.live([wait(900_000), refresh, wait(GRACE_MS)])
  world.jar = forgotten
  t.equal(await world.ownerRefreshes(), 'reused')
})

t.test('a thief that refreshes within the grace of every rotation is not detected', async t => {
  const world = newWorld()
  await world.live([refresh, { kind: 'steal' }])
  for (let rotation = 0; rotation < 5; rotation++) {
    await world.live([wait(900_000), refresh, wait(GRACE_MS - 1)])
    t.type(await world.thiefAsks(), 'number')
  }
})

t.test('a thief stays unseen if neither side shows an access token to the origin', async t => {
  const world = newWorld()
  await world.live([refresh, { kind: 'steal' }])
  for (let rotation = 0; rotation < 5; rotation++) {
    await world.live([wait(900_000), send, arrive, deliver, wait(600_000)])
    t.type(await world.thiefAsks(), 'number')
  }
})
