/**
 * The view of ended sessions and removed keys, against a feed and a clock of the test.
 *
 * Over 200 lines: one rule for each test, all over one feed.
 */

import t from 'tap'
import { removedKeyEntry } from '../../../edge/contract/redis-keys.ts'
import { revocationRetentionMs } from '../../../edge/revocation/lifetimes.ts'
import { createRevocationView } from '../../../edge/revocation/revocation-view.ts'

const T0 = 1_800_000_000_000
const RETENTION_MS = 960_000
/** Epochs. */
const [FIRST, SECOND, REBUILT] = [1, 2, 3].map(n => `01a1fc90-5540-7581-a8d9-be172b2131f${n}`) as [
  string,
  string,
  string
]

/** A feed that stores entries as Redis does, and a view over it. */
function build({ maxAgeMs = 1_000, epoch = FIRST, page = Number.POSITIVE_INFINITY } = {}) {
  const entries = new Map<string, number>()
  const removed: string[] = []
  const view = createRevocationView({ maxAgeMs, retentionMs: RETENTION_MS, onKeyRemoved: kid => removed.push(kid) })
  const feed = { epoch, cursors: [] as unknown[] }

  /** Begins a read. The reply is made at once, as Redis does, and arrives when the result is called. */
  function beginRead(nowMs: number): () => void {
    const { call, record } = view.beginRead(nowMs)
    const cursor = call.args[0]
    feed.cursors.push(cursor)
    const from = cursor === '-inf' ? Number.NEGATIVE_INFINITY : Number(cursor)
    const found = [...entries].filter(([, atMs]) => atMs >= from).sort((a, b) => a[1] - b[1])
    const reply = found.slice(0, page).flatMap(([entry, atMs]) => [entry, String(atMs)])
    const more = found.length >= page ? '1' : '0'
    const { epoch } = feed
    return () => record([epoch, more, ...reply])
  }
  return {
    view,
    feed,
    removed,
    publish: (entry: string, atMs: number) => entries.set(entry, atMs),
    /** Redis loses its memory. */
    forget(epoch: string) {
      entries.clear()
      feed.epoch = epoch
    },
    beginRead,
    read: (nowMs: number) => beginRead(nowMs)(),
    statusOf: (sid: string, nowMs: number, kid = 'k') => view.status({ sid, kid }, nowMs)
  }
}

t.test('a view that was never read is too old, and every session unknown', async t => {
  const { view, statusOf } = build()
  t.equal(statusOf('live', T0), 'unknown')
  t.ok(view.isDue(T0) && view.isTooOld(T0))
  t.equal(view.ageMs(T0), Number.POSITIVE_INFINITY)
})

t.test('status() tells an ended session from a live one', async t => {
  const { publish, read, statusOf, view } = build()
  publish('ended', 1)
  read(T0)
  t.equal(statusOf('ended', T0), 'ended')
  t.equal(statusOf('live', T0), 'live')
  t.equal(view.ageMs(T0 + 5), 5, 'counted from before the question')
})

t.test('a view is fresh for half a second, and valid for its bound, to the millisecond', async t => {
  const { read, statusOf, view } = build()
  read(T0)
  t.notOk(view.isDue(T0 + 500))
  t.ok(view.isDue(T0 + 501))
  t.notOk(view.isTooOld(T0 + 1_000))
  t.equal(statusOf('live', T0 + 1_000), 'live')
  t.ok(view.isTooOld(T0 + 1_001))
  t.equal(statusOf('live', T0 + 1_001), 'unknown')
})

t.test('a view with a shorter bound is renewed after half of that', async t => {
  const { read, view } = build({ maxAgeMs: 100 })
  read(T0)
  t.strictSame([view.isDue(T0 + 50), view.isDue(T0 + 51)], [false, true])
  t.strictSame([view.isTooOld(T0 + 100), view.isTooOld(T0 + 101)], [false, true])
})

t.test('a strict view answers no request that began after it was read', async t => {
  const { read, statusOf, view } = build({ maxAgeMs: 0 })
  read(T0)
  t.equal(statusOf('live', T0), 'live', 'the request that asked')
  t.ok(view.isTooOld(T0 + 1))
  t.equal(statusOf('live', T0 + 1), 'unknown')
})

t.test('an ended session stays ended, however old the view', async t => {
  const { publish, read, statusOf } = build()
  publish('ended', 1)
  read(T0)
  t.equal(statusOf('ended', T0 + 3_600_000), 'ended')
})

t.test('without an epoch every other session is unknown, and the feed is read again soon', async t => {
  const { feed, publish, read, statusOf, view } = build({ epoch: '' })
  publish('ended', 1)
  read(T0)
  t.equal(statusOf('live', T0), 'unknown')
  t.equal(statusOf('ended', T0), 'ended')
  t.equal(view.ageMs(T0), Number.POSITIVE_INFINITY)
  t.strictSame([view.isDue(T0 + 100), view.isTooOld(T0 + 100)], [false, false], 'not for every request')
  t.strictSame([view.isDue(T0 + 101), view.isTooOld(T0 + 101)], [true, true])
  feed.epoch = REBUILT
  read(T0 + 101)
  t.ok(view.isTooOld(T0 + 102), 'what was read from a cursor of another memory is not the whole')
  read(T0 + 102)
  t.equal(statusOf('live', T0 + 102), 'live')
})

t.test('after the epoch is lost every live session is unknown, and an ended session stays ended', async t => {
  const { forget, publish, read, statusOf } = build()
  publish('ended', 1)
  read(T0)
  forget('')
  read(T0 + 1)
  t.equal(statusOf('live', T0 + 1), 'unknown')
  t.equal(statusOf('ended', T0 + 1), 'ended')
})

t.test('after another epoch the feed is read from the beginning before a session is live', async t => {
  const { feed, forget, publish, read, statusOf } = build()
  publish('old', 1_000_000)
  read(T0)
  forget(SECOND)
  // Earlier than the cursor: only a read from the beginning finds it.
  publish('rebuilt', 500)
  read(T0 + 1)
  t.equal(statusOf('live', T0 + 1), 'unknown')
  read(T0 + 2)
  t.equal(statusOf('rebuilt', T0 + 2), 'ended')
  t.equal(statusOf('live', T0 + 2), 'live')
  t.strictSame(feed.cursors, ['-inf', 1_000_000, '-inf'])
})

t.test('replies out of order, from before and after the loss, hide no entry', async t => {
  const { beginRead, forget, publish, read, statusOf } = build()
  publish('old', 1_000_000)
  read(T0)
  const before = beginRead(T0 + 1)
  forget(SECOND)
  publish('early', 500)
  const after = beginRead(T0 + 2)
  read(T0 + 3)
  read(T0 + 4)
  t.equal(statusOf('early', T0 + 4), 'ended')
  for (const late of [after, before]) {
    late()
    publish('later', 600)
    let nowMs = T0 + 5
    while (statusOf('other', nowMs) === 'unknown' || statusOf('later', nowMs) !== 'ended') {
      if (nowMs > T0 + 20) return t.fail('the view never came to know of it')
      read(nowMs++)
    }
  }
  t.equal(statusOf('old', T0 + 5), 'ended', 'and what was known stays known')
})

t.test('a read begins at the cursor, that millisecond included', async t => {
  const { feed, publish, read, statusOf } = build()
  publish('first', 1000)
  read(T0)
  publish('second', 1000)
  read(T0 + 1)
  t.equal(statusOf('second', T0 + 1), 'ended', 'two sessions can end in one millisecond')
  publish('third', 2000)
  read(T0 + 2)
  read(T0 + 3)
  t.strictSame(feed.cursors, ['-inf', 1000, 1000, 2000])
  t.equal(statusOf('third', T0 + 3), 'ended')
})

t.test('a feed of several reads is not known before the last one', async t => {
  const { publish, read, statusOf, view } = build({ page: 100 })
  for (let i = 0; i < 250; i++) publish(`s${i}`, 1000 + i)
  read(T0)
  t.equal(statusOf('s99', T0), 'ended', 'what was read counts')
  t.equal(statusOf('live', T0), 'unknown')
  t.ok(view.isTooOld(T0))
  read(T0 + 1)
  t.equal(statusOf('live', T0 + 1), 'unknown')
  read(T0 + 2)
  t.equal(statusOf('s249', T0 + 2), 'ended')
  t.equal(statusOf('live', T0 + 2), 'live')
})

t.test('a loss between several reads starts them again', async t => {
  const { forget, publish, read, statusOf } = build({ page: 100 })
  for (let i = 0; i < 150; i++) publish(`s${i}`, 1000 + i)
  read(T0)
  forget(SECOND)
  publish('early', 10)
  read(T0 + 1)
  t.equal(statusOf('live', T0 + 1), 'unknown')
  read(T0 + 2)
  t.equal(statusOf('early', T0 + 2), 'ended')
  t.equal(statusOf('live', T0 + 2), 'live')
})

t.test('the view forgets an entry after the life of every token, and not before', async t => {
  const { publish, read, statusOf } = build({ maxAgeMs: 10_000 })
  publish('old', 1000)
  publish('young', 2000)
  read(T0)
  publish('newest', 1000 + RETENTION_MS)
  read(T0 + 1)
  t.equal(statusOf('old', T0 + 1), 'ended', 'in the last millisecond')
  publish('newer', 1001 + RETENTION_MS)
  publish('old', -1)
  read(T0 + 2)
  t.equal(statusOf('old', T0 + 2), 'live')
  t.equal(statusOf('young', T0 + 2), 'ended')
})

t.test('the view forgets old entries even after an older one was published again', async t => {
  const { publish, read, statusOf } = build({ maxAgeMs: 10_000 })
  publish('again', 1000)
  publish('old', 2000)
  read(T0)
  publish('again', 900_000)
  read(T0 + 1)
  publish('newest', 2001 + RETENTION_MS)
  read(T0 + 2)
  t.equal(statusOf('old', T0 + 2), 'live')
  t.equal(statusOf('again', T0 + 2), 'ended')
})

t.test('a removed key ends all of its tokens, for good, and is reported once', async t => {
  const { forget, publish, read, removed, statusOf } = build()
  publish(removedKeyEntry('bad'), 1000)
  read(T0)
  read(T0 + 1)
  t.equal(statusOf('live', T0 + 1, 'bad'), 'key-removed')
  t.equal(statusOf('live', T0 + 1, 'good'), 'live')
  t.equal(statusOf('bad', T0 + 1, 'good'), 'live', 'no session is taken for a key')
  t.equal(statusOf(removedKeyEntry('bad'), T0 + 1, 'good'), 'live', 'nor a key for a session')
  t.strictSame(removed, ['bad'])
  forget('')
  publish('newest', 1001 + 2 * RETENTION_MS)
  read(T0 + 2)
  t.equal(statusOf('live', T0 + 3_600_000, 'bad'), 'key-removed', 'whatever Redis forgets')
})

t.test('end() takes effect at once, before it is published', async t => {
  const { publish, read, statusOf, view } = build()
  read(T0)
  view.end(['mine', 'other'], T0)
  t.equal(statusOf('mine', T0), 'ended')
  publish('mine', T0 + 5)
  read(T0 + 10)
  t.strictSame(
    ['mine', 'other', 'live'].map(sid => statusOf(sid, T0 + 10)),
    ['ended', 'ended', 'live']
  )
})

t.test('a clock that was set back does not make an old view fresh', async t => {
  const { publish, read, statusOf, view } = build()
  read(T0)
  publish('ended', 2000)
  t.equal(statusOf('ended', T0 - 1_001), 'unknown')
  t.ok(view.isTooOld(T0 - 1_001) && view.isDue(T0 - 1_001))
  read(T0 - 1_001)
  t.equal(statusOf('ended', T0 - 1_001), 'ended')
  t.equal(statusOf('live', T0 - 1_000), 'live', 'and the view goes on from there')
})

t.test('a request that began before the read is answered from it', async t => {
  const { read, statusOf } = build({ maxAgeMs: 0 })
  read(T0 + 400)
  t.equal(statusOf('live', T0), 'live')
})

t.test('an invalid reply changes nothing', async t => {
  const { read, statusOf, view } = build()
  read(T0)
  const { record } = view.beginRead(T0 + 900)
  t.throws(() => record([FIRST, '0', 'sid', 'when']), { name: 'StoreError' })
  t.equal(statusOf('live', T0 + 1_000), 'live')
  t.equal(statusOf('live', T0 + 1_001), 'unknown', 'nor makes it younger')
})

t.test('an entry is kept for the life of a token, and for the life of a key in every cache', async t => {
  t.equal(revocationRetentionMs(900), 960_000)
  t.equal(revocationRetentionMs(60), 660_000)
})
