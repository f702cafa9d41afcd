/** The revocation feed in Redis, script by script and as a whole, on every engine. */

import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { removedKeyEntry } from '../../edge/contract/redis-keys.ts'
import { createRevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { createRevocationView } from '../../edge/revocation/revocation-view.ts'
import { publishScript, readScript } from '../../edge/revocation/script.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { runScript } from '../../edge/store/run-scripts.ts'
import { openEngineBackend } from '../../local/redis-rest.ts'
import { type RedisLane, redisBackends } from '../lib/redis-backends.ts'
import { redisEndpoint } from '../lib/test-engines.ts'

const RETENTION_MS = 960_000
/** Of a real Redis; the numbers below are other suites'. */
const LOGICAL_DATABASE = 11

/** The two scripts over keys of this test's own. */
async function build(t: Test, lane: RedisLane) {
  const { backend, prefix } = await lane.open(t)
  const [ended, epoch] = [`${prefix}{r}:ended`, `${prefix}{r}:epoch`]
  return {
    run: (...words: (string | number)[]) => backend.execute(words.map(String)),
    ended,
    epoch,
    publish: (...sids: string[]) =>
      backend.execute(['EVAL', publishScript.source, '1', ended, String(RETENTION_MS), ...sids]),
    read: async (cursor: string | number, most = 2_000) =>
      (await backend.execute(['EVAL', readScript.source, '2', ended, epoch, String(cursor), String(most)])) as string[],
    nowMs: async () => Number(((await backend.execute(['TIME'])) as string[])[0]) * 1000
  }
}

const RULES: Readonly<Record<string, (t: Test, lane: RedisLane) => Promise<void>>> = {
  'reading answers the epoch, or that there is none': async (t, lane) => {
    const { run, epoch, read } = await build(t, lane)
    t.strictSame(await read('-inf'), ['', '0'])
    await run('SET', epoch, 'first')
    t.strictSame(await read('-inf'), ['first', '0'])
    t.strictSame(await read(1_800_000_000_000), ['first', '0'])
  },

  'what was published is read in order, with its time, from the cursor on and that included': async (t, lane) => {
    const { run, ended, read } = await build(t, lane)
    for (const [score, sid] of [
      [3000, 'c'],
      [1000, 'a'],
      [2000, 'b'],
      [2000, 'b2']
    ])
      await run('ZADD', ended, score ?? 0, sid ?? '')
    t.strictSame(await read('-inf'), ['', '0', 'a', '1000', 'b', '2000', 'b2', '2000', 'c', '3000'])
    t.strictSame(await read(2000), ['', '0', 'b', '2000', 'b2', '2000', 'c', '3000'])
    t.strictSame(await read(3001), ['', '0'])
  },

  'a reading brings no more than it may, the oldest first, and says that there may be more': async (t, lane) => {
    const { run, ended, read } = await build(t, lane)
    for (let i = 1; i <= 5; i++) await run('ZADD', ended, 1000 * i, `s${i}`)
    t.strictSame(await read('-inf', 2), ['', '1', 's1', '1000', 's2', '2000'])
    t.strictSame(await read(2000, 3), ['', '1', 's2', '2000', 's3', '3000', 's4', '4000'])
    t.strictSame(await read(4000, 3), ['', '0', 's4', '4000', 's5', '5000'])
    t.equal((await read('-inf', 5))[1], '1', 'where it is exactly full there may be more')
  },

  'every publication has a time of its own, so that a cursor always gets on': async (t, lane) => {
    const { publish, read } = await build(t, lane)
    for (let i = 0; i < 5; i++) await publish(`a${i}`, `b${i}`)
    const [, , ...pairs] = await read('-inf')
    const times = pairs.filter((_, i) => i % 4 === 1).map(Number)
    t.equal(new Set(times).size, 5)
    t.strictSame(
      times,
      times.toSorted((a, b) => a - b)
    )
  },

  'publishing scores with the clock of Redis, all sessions of one call alike': async (t, lane) => {
    const { publish, read, nowMs } = await build(t, lane)
    const before = await nowMs()
    t.equal(await publish('a', 'b', 'c'), 3)
    const [, , a, at, b, bAt, c, cAt] = await read('-inf')
    t.strictSame([a, b, c], ['a', 'b', 'c'])
    t.strictSame([bAt, cAt], [at, at])
    t.ok(Number(at) >= before && Number(at) <= (await nowMs()) + 1000)
    t.match(at, /^\d{13}$/, 'and in whole milliseconds, no exponent')
  },

  'a time is never earlier than the newest that is there, so that no cursor passes it': async (t, lane) => {
    const { run, ended, publish, read, nowMs } = await build(t, lane)
    const future = (await nowMs()) + 3_600_000
    await run('ZADD', ended, future, 'from the future')
    await publish('later')
    t.strictSame(await read(future), ['', '0', 'from the future', String(future), 'later', String(future + 1)])
  },

  'publishing twice does no harm': async (t, lane) => {
    const { publish, read } = await build(t, lane)
    await publish('a')
    t.equal(await publish('a', 'a'), 1)
    t.equal((await read('-inf')).length, 4)
  },

  'publishing forgets what is older than the retention, and nothing younger': async (t, lane) => {
    const { run, ended, publish, read, nowMs } = await build(t, lane)
    const now = await nowMs()
    await run('ZADD', ended, now - RETENTION_MS - 2000, 'old')
    await run('ZADD', ended, now - RETENTION_MS + 60_000, 'young')
    t.equal(await publish('a'), 2)
    t.strictSame(
      (await read('-inf')).slice(2).filter((_, i) => i % 2 === 0),
      ['young', 'a']
    )
  },

  'the set goes by itself after the retention': async (t, lane) => {
    const { run, ended, publish } = await build(t, lane)
    await publish('a')
    const ttl = Number(await run('PTTL', ended))
    t.ok(ttl > RETENTION_MS - 60_000 && ttl <= RETENTION_MS)
  },

  'the feed joins them: an epoch that stays, and a view that learns of every end': async (t, lane) => {
    const redisUrl = lane.name === 'redis' ? process.env.TEST_REDIS_URL : undefined
    const engines = { name: lane.name, databaseUrl: undefined, redisUrl, skip: lane.skip }
    const redis = openRedis({ ...(await redisEndpoint(t, engines, LOGICAL_DATABASE)), deadlineMs: 10_000 })
    const feed = createRevocationFeed(redis, RETENTION_MS)
    const removed: string[] = []
    const onKeyRemoved = (kid: string) => removed.push(kid)
    const view = createRevocationView({ maxAgeMs: 0, retentionMs: RETENTION_MS, onKeyRemoved })
    let nowMs = 0
    const standing = async (sid: string) => {
      nowMs += 1
      // As often as an admission would: the first reading after a new epoch says only that there is one.
      for (let i = 0; i < 5 && view.isTooOld(nowMs); i++) {
        const { call, record } = view.beginRead(nowMs)
        record(await runScript(redis, call))
      }
      return view.standing({ sid, kid: 'k' }, nowMs)
    }
    const sids = Array.from({ length: 5_200 }, () => randomUUID())
    const [first = '', ...others] = sids

    t.equal(await feed.epoch(), undefined)
    t.equal(await standing(first), 'unknown')
    const epoch = randomUUID()
    await feed.open(epoch)
    await feed.open(randomUUID())
    t.equal(await feed.epoch(), epoch, 'the first one holds')
    nowMs += 100
    t.equal(await standing(first), 'live')
    await feed.publish([first])
    t.equal(await standing(first), 'ended')
    for (let i = 0; i < others.length; i += 500) await feed.publish(others.slice(i, i + 500))
    t.equal(await standing(randomUUID()), 'live', 'more than one reading brings')
    for (const sid of others)
      if (view.standing({ sid, kid: 'k' }, nowMs) !== 'ended') t.fail('one end was not learned of')
    await feed.publish([removedKeyEntry('k')])
    t.equal(await standing(randomUUID()), 'key-removed')
    t.strictSame(removed, ['k'])
  }
}

for (const lane of redisBackends()) {
  t.test(`the revocation feed: ${lane.name}`, { skip: lane.skip }, async t => {
    for (const [name, rule] of Object.entries(RULES)) await t.test(name, t => rule(t, lane))
  })
}

t.test('a clock of Redis that is set back hides no end from a view', async t => {
  let redisMs = 1_800_000_000_000
  const backend = await openEngineBackend({ nowMs: () => redisMs })
  t.teardown(() => backend.close())
  const read = async (cursor: number) =>
    (await backend.execute(['EVAL', readScript.source, '2', 'ended', 'epoch', String(cursor), '2000'])) as string[]
  const publish = (sid: string) =>
    backend.execute(['EVAL', publishScript.source, '1', 'ended', String(RETENTION_MS), sid])

  await publish('a')
  const cursor = redisMs
  redisMs -= 300_000
  await publish('b')
  t.strictSame(await read(cursor), ['', '0', 'a', String(cursor), 'b', String(cursor + 1)])
  redisMs += 300_002
  await publish('c')
  t.strictSame(
    (await read(cursor)).slice(-2),
    ['c', String(cursor + 2)],
    'and its time goes on when the clock has caught up'
  )
})
