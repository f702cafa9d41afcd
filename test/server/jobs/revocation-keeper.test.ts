/** Publishing over real engines: what ended or was removed reaches Redis, also after Redis was away or empty. */

import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { openDatabase } from '../../../db/client.ts'
import { removedKeyEntry } from '../../../edge/contract/redis-keys.ts'
import { parseDelta, readCall } from '../../../edge/revocation/read-call.ts'
import { createRevocationFeed, type RevocationFeed } from '../../../edge/revocation/revocation-feed.ts'
import { openRedis } from '../../../edge/store/open-redis.ts'
import { runScript, StoreError } from '../../../edge/store/run-scripts.ts'
import { createRevocationKeeper } from '../../../server/jobs/revocation-keeper.ts'
import { createPublishEnds } from '../../../server/publish-ends-to-redis.ts'
import { migratedDatabase, redisEndpoint } from '../../lib/test-engines.ts'

const RETENTION_MS = 960_000
const url = await migratedDatabase(t)
const { url: redisUrl, token } = await redisEndpoint(t)
const redis = openRedis({ url: redisUrl, token })
const feed = createRevocationFeed(redis, RETENTION_MS)
const database = openDatabase({ url })
t.teardown(() => database.close())
const sql = postgres(url, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end())

const keeperOver = (over: RevocationFeed = feed) =>
  createRevocationKeeper({
    database,
    feed: over,
    retentionMs: RETENTION_MS,
    nowMs: () => Date.now(),
    log: { info: () => {} }
  })

const endedHere: string[] = []
const publishOver = (over: RevocationFeed = feed) =>
  createPublishEnds({
    view: { end: sids => void endedHere.push(...sids) },
    database,
    feed: over,
    nowMs: () => Date.now(),
    log: { warn: () => {} }
  })

const fail = () => Promise.reject(new StoreError('Redis could not be reached'))
const broken: RevocationFeed = { ...feed, publish: fail, rebuild: fail }

/** A session that ended some seconds ago and is not published. */
async function endedSession(secondsAgo = 0): Promise<string> {
  const id = randomUUID()
  await sql`insert into sessions (id, remembered, ip_address, user_agent, created_at, last_used_at, idle_expires_at, expires_at, ended_at)
    values (${id}, false, '127.0.0.1', '', now(), now(), now(), now(), now() - make_interval(secs => ${secondsAgo}))`
  return id
}

/** A signing key that was removed some seconds ago and is not published. */
async function removedKey(secondsAgo = 0): Promise<string> {
  const kid = randomUUID().slice(0, 16)
  await sql`insert into signing_keys (kid, algorithm, state, public_jwk, created_at, state_since)
    values (${kid}, 'ES256', 'removed', '{}', now(), now() - make_interval(secs => ${secondsAgo}))`
  return kid
}

const published = async () => parseDelta(await runScript(redis, readCall(undefined))).ended.map(({ entry }) => entry)
const isNoted = async (id: string) => (await sql`select end_published from sessions where id = ${id}`)[0]?.end_published

t.beforeEach(async () => {
  await sql`delete from sessions`
  await sql`delete from signing_keys`
  await redis.flushall()
})

t.test('publishing an end reaches Redis and is noted in the database', async t => {
  const id = await endedSession()
  t.equal(await publishOver()([id]), true)
  t.strictSame(await published(), [id])
  t.equal(await isNoted(id), true)
})

t.test('an end that could not be published holds in this process, and a later round publishes it', async t => {
  const id = await endedSession()
  t.equal(await publishOver(broken)([id]), false)
  t.ok(endedHere.includes(id))
  t.equal(await isNoted(id), false)
  await keeperOver()()
  t.strictSame(await published(), [id])
  t.equal(await isNoted(id), true)
})

t.test('after Redis lost its memory the set is rebuilt, under a new epoch', async t => {
  const keeper = keeperOver()
  const ids = [await endedSession(30), await endedSession(20), await endedSession()]
  await publishOver()(ids)
  await keeper()
  const epoch = await feed.epoch()
  t.ok(epoch)
  await redis.flushall()
  t.equal(await feed.epoch(), undefined)
  await keeper()
  t.strictSame((await published()).sort(), ids.sort())
  t.ok(await feed.epoch())
  t.not(await feed.epoch(), epoch)
})

t.test('a session that ended longer ago than the life of any token is not published again', async t => {
  const recent = await endedSession(RETENTION_MS / 1000 - 60)
  const old = await endedSession(RETENTION_MS / 1000 + 60)
  await sql`update sessions set end_published = true`
  await keeperOver()()
  const sids = await published()
  t.ok(sids.includes(recent))
  t.notOk(sids.includes(old))
})

t.test('there is no epoch before the whole set is published', async t => {
  await endedSession()
  await t.rejects(keeperOver(broken)(), StoreError)
  t.equal(await feed.epoch(), undefined)
})

t.test('a set that Redis loses while it is rebuilt is not declared complete', async t => {
  const id = await endedSession()
  await sql`update sessions set end_published = true`
  const forgetful: RevocationFeed = {
    ...feed,
    rebuild: (epoch, readEntries) =>
      feed.rebuild(epoch, async () => {
        const entries = await readEntries()
        await redis.flushall()
        return entries
      })
  }
  await t.rejects(keeperOver(forgetful)(), { name: 'StoreError', message: /lost its memory/ })
  t.equal(await feed.epoch(), undefined)
  await keeperOver()()
  t.ok(await feed.epoch())
  t.strictSame(await published(), [id])
})

t.test('a round keeps the epoch that it finds', async t => {
  await keeperOver()()
  const epoch = await feed.epoch()
  await keeperOver()()
  t.equal(await feed.epoch(), epoch)
})

t.test('a backlog longer than one call carries is published whole', async t => {
  await sql`insert into sessions (id, remembered, ip_address, user_agent, created_at, last_used_at, idle_expires_at, expires_at, ended_at)
    select gen_random_uuid(), false, '', '', now(), now(), now(), now(), now() from generate_series(1, 1200)`
  const keeper = keeperOver()
  for (let round = 0; round < 3; round++) await keeper()
  t.equal((await published()).length, 1200)
  t.equal((await sql`select 1 from sessions where not end_published`).length, 0)
})

t.test('every round tries to publish a removed key until one succeeds, and no round after that', async t => {
  const kid = await removedKey()
  const isKeyNoted = async () =>
    (await sql`select removal_published from signing_keys where kid = ${kid}`)[0]?.removal_published
  await feed.rebuild(randomUUID(), async () => [])
  await t.rejects(keeperOver(broken)(), StoreError)
  t.equal(await isKeyNoted(), false)
  await keeperOver()()
  t.strictSame(await published(), [removedKeyEntry(kid)])
  t.equal(await isKeyNoted(), true)
  await keeperOver(broken)()
  t.pass('a round without Redis has nothing to publish')
})

t.test('after Redis lost its memory the set holds removed keys beside sessions, within their retention', async t => {
  const id = await endedSession()
  const kid = await removedKey(RETENTION_MS / 1000 - 60)
  await removedKey(RETENTION_MS / 1000 + 60)
  await sql`insert into signing_keys (kid, algorithm, state, public_jwk, sealed_private_key, created_at, state_since)
    values ('sound', 'ES256', 'retiring', '{}', '', now(), now())`
  await sql`update sessions set end_published = true`
  await sql`update signing_keys set removal_published = true`
  await keeperOver()()
  t.strictSame((await published()).sort(), [id, removedKeyEntry(kid)].sort())
  await redis.flushall()
  await keeperOver()()
  t.strictSame((await published()).sort(), [id, removedKeyEntry(kid)].sort())
})
