/**
 * The revocation feed in Redis, script by script and as a whole, on every engine.
 *
 * Over 200 lines: one rule a test, all over one table of engines.
 */

import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { removedKeyEntry } from '../../edge/contract/redis-keys.ts'
import { createRevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { createRevocationView } from '../../edge/revocation/revocation-view.ts'
import { completeScript, publishScript, readScript } from '../../edge/revocation/script.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { runScript } from '../../edge/store/run-scripts.ts'
import { openEngineBackend } from '../../local/redis-rest.ts'
import { type RedisLane, redisBackends } from '../lib/redis-backends.ts'
import { redisEndpoint } from '../lib/test-engines.ts'

const RETENTION_MS = 960_000
/** On a real Redis; other suites use the numbers below. */
const LOGICAL_DATABASE = 11

const EPOCH = '01a1fc90-5540-7581-a8d9-be172b2131fe'

/** The scripts over a key of this test's own. */
async function build(t: Test, lane: RedisLane) {
  const { backend, prefix } = await lane.open(t)
  const feed = `${prefix}{r}:ended`
  const run = (...words: (string | number)[]) => backend.execute(words.map(String))
  return {
    run,
    feed,
    publish: async (...entries: string[]) =>
      (await run('EVAL', publishScript.source, 1, feed, RETENTION_MS, ...entries)) as [string, number],
    read: async (cursor: string | number, most = 2_000) =>
      (await run('EVAL', readScript.source, 1, feed, cursor, most)) as string[],
    draft: (epoch: string) => run('ZADD', feed, 1, `draft:${epoch}`),
    open: (epoch: string) => run('EVAL', completeScript.source, 1, feed, epoch),
    nowMs: async () => Number(((await backend.execute(['TIME'])) as string[])[0]) * 1000
  }
}

/** What an origin of release 0.1 runs to publish, and an edge of it to read. */
const OLD_PUBLISH = `
local ended       = KEYS[1]
local retentionMs = tonumber(ARGV[1])
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local newest = redis.call('ZRANGE', ended, -1, -1, 'WITHSCORES')
if newest[2] and tonumber(newest[2]) >= nowMs then nowMs = tonumber(newest[2]) + 1 end
local score = string.format('%.0f', nowMs)
for i = 2, #ARGV do redis.call('ZADD', ended, score, ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', ended, '-inf', string.format('(%.0f', nowMs - retentionMs))
redis.call('PEXPIRE', ended, string.format('%.0f', retentionMs))
return redis.call('ZCARD', ended)
`
const OLD_READ = `return redis.call('ZRANGE', KEYS[1], ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, 2000, 'WITHSCORES')`

const RULES: Readonly<Record<string, (t: Test, lane: RedisLane) => Promise<void>>> = {
  'reading returns the epoch, or that it is missing': async (t, lane) => {
    const { draft, open, read } = await build(t, lane)
    t.strictSame(await read('-inf'), ['', '0'])
    await draft(EPOCH)
    t.strictSame(await read('-inf'), ['', '0'], 'a draft is neither an epoch nor an entry')
    await open(EPOCH)
    t.strictSame(await read('-inf'), [EPOCH, '0'])
    t.strictSame(await read(1_800_000_000_000), [EPOCH, '0'])
  },

  'the epoch and the ended sessions are one key: Redis loses both or neither': async (t, lane) => {
    const { run, draft, open, publish, read, feed } = await build(t, lane)
    await draft(EPOCH)
    await publish('a')
    await open(EPOCH)
    t.strictSame(await run('KEYS', `${feed.replace('{r}:ended', '')}*`), [feed])
    await run('DEL', feed)
    t.strictSame(await read('-inf'), ['', '0'])
  },

  'a feed is opened once, and only where its draft is still there': async (t, lane) => {
    const { run, draft, open, read, feed } = await build(t, lane)
    t.equal(await open(EPOCH), '', 'never drafted')
    await draft(EPOCH)
    await run('DEL', feed)
    t.equal(await open(EPOCH), '', 'lost since')
    t.strictSame(await read('-inf'), ['', '0'])
    const other = randomUUID()
    await draft(EPOCH)
    await draft(other)
    t.equal(await open(other), other)
    t.equal(await open(EPOCH), other, 'the first one holds')
    t.equal(await run('ZCARD', feed), 1, 'and no draft stays')
  },

  'what was published is read in order, with its time, from the cursor on and that included': async (t, lane) => {
    const { run, feed, read } = await build(t, lane)
    for (const [score, sid] of [
      [3000, 'c'],
      [1000, 'a'],
      [2000, 'b'],
      [2000, 'b2']
    ])
      await run('ZADD', feed, score ?? 0, sid ?? '')
    t.strictSame(await read('-inf'), ['', '0', 'a', '1000', 'b', '2000', 'b2', '2000', 'c', '3000'])
    t.strictSame(await read(2000), ['', '0', 'b', '2000', 'b2', '2000', 'c', '3000'])
    t.strictSame(await read(3001), ['', '0'])
  },

  'a reading brings no more than it may, the oldest first, and says that there may be more': async (t, lane) => {
    const { run, feed, read } = await build(t, lane)
    for (let i = 1; i <= 5; i++) await run('ZADD', feed, 1000 * i, `s${i}`)
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
    const [publishedAt, held] = await publish('a', 'b', 'c')
    t.equal(held, 3)
    const [, , a, at, b, bAt, c, cAt] = await read('-inf')
    t.strictSame([a, b, c], ['a', 'b', 'c'])
    t.strictSame([publishedAt, bAt, cAt], [at, at, at])
    t.ok(Number(at) >= before && Number(at) <= (await nowMs()) + 1000)
    t.match(at, /^\d{13}$/, 'and in whole milliseconds, no exponent')
  },

  'a time is never earlier than the newest that is there, so that no cursor passes it': async (t, lane) => {
    const { run, feed, publish, read, nowMs } = await build(t, lane)
    const future = (await nowMs()) + 3_600_000
    await run('ZADD', feed, future, 'from the future')
    await publish('later')
    t.strictSame(await read(future), ['', '0', 'from the future', String(future), 'later', String(future + 1)])
  },

  'publishing twice does no harm': async (t, lane) => {
    const { publish, read } = await build(t, lane)
    await publish('a')
    t.equal((await publish('a', 'a'))[1], 1)
    t.equal((await read('-inf')).length, 4)
  },

  'publishing forgets what is older than the retention, and nothing younger': async (t, lane) => {
    const { run, feed, draft, open, publish, read, nowMs } = await build(t, lane)
    await draft(EPOCH)
    await open(EPOCH)
    const now = await nowMs()
    await run('ZADD', feed, now - RETENTION_MS - 2000, 'old')
    await run('ZADD', feed, now - RETENTION_MS + 60_000, 'young')
    await publish('a')
    t.equal((await read('-inf'))[0], EPOCH, 'nor the epoch')
    t.strictSame(
      (await read('-inf')).slice(2).filter((_, i) => i % 2 === 0),
      ['young', 'a']
    )
  },

  'an open feed does not expire: its epoch would go with it': async (t, lane) => {
    const { run, feed, draft, open, publish } = await build(t, lane)
    await draft(EPOCH)
    await run('PEXPIRE', feed, RETENTION_MS)
    await open(EPOCH)
    await publish('a')
    t.equal(await run('PTTL', feed), -1)
  },

  'beside an origin of release 0.1 no end is lost: the epoch goes, until the feed is rebuilt': async (t, lane) => {
    const { run, feed, draft, open, publish, read } = await build(t, lane)
    await draft(EPOCH)
    await publish('of the new origin')
    await open(EPOCH)
    await run('EVAL', OLD_PUBLISH, 1, feed, RETENTION_MS, 'of the old origin')
    const [epoch, , first, , second] = await read('-inf')
    t.strictSame([epoch, first, second], ['', 'of the new origin', 'of the old origin'], 'closed, and whole')
    const next = randomUUID()
    await draft(next)
    t.equal(await open(next), next)
    t.equal(await run('PTTL', feed), -1, 'and what the old origin let expire stays')
  },

  'an edge of release 0.1 reads what a new origin publishes': async (t, lane) => {
    const { run, feed, draft, open, publish } = await build(t, lane)
    await draft(EPOCH)
    await open(EPOCH)
    const [at] = await publish('a')
    t.strictSame(await run('EVAL', OLD_READ, 1, feed, '-inf'), [`epoch:${EPOCH}`, '0', 'a', at])
    t.strictSame(await run('EVAL', OLD_READ, 1, feed, at), ['a', at])
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
      return view.status({ sid, kid: 'k' }, nowMs)
    }
    const sids = Array.from({ length: 5_200 }, () => randomUUID())
    const [first = '', ...others] = sids

    t.equal(await feed.epoch(), undefined)
    t.equal(await standing(first), 'unknown')
    const epoch = randomUUID()
    await feed.rebuild(epoch, async () => [])
    await feed.rebuild(randomUUID(), async () => [])
    t.equal(await feed.epoch(), epoch, 'the first one holds')
    nowMs += 100
    t.equal(await standing(first), 'live')
    await feed.publish([first])
    t.equal(await standing(first), 'ended')
    await feed.publish(others)
    t.equal(await standing(randomUUID()), 'live', 'more than one reading brings')
    for (const sid of others)
      if (view.status({ sid, kid: 'k' }, nowMs) !== 'ended') t.fail('one end was not learned of')
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
    (await backend.execute(['EVAL', readScript.source, '1', 'feed', String(cursor), '2000'])) as string[]
  const publish = (sid: string) =>
    backend.execute(['EVAL', publishScript.source, '1', 'feed', String(RETENTION_MS), sid])

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
