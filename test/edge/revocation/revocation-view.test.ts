/** What an instance knows of ended sessions, against a feed whose memory, clock and failures are the test's. */

import t from 'tap'
import type { RevocationDelta } from '../../../edge/revocation/revocation-feed.ts'
import { createRevocationView } from '../../../edge/revocation/revocation-view.ts'
import { StoreError } from '../../../edge/store/run-script.ts'

const T0 = 1_800_000_000_000
const RETENTION_MS = 960_000

/** A feed that keeps what Redis would, and answers when the test says so. */
function build(options: { freshMs?: number; epoch?: string } = {}) {
  const entries = new Map<string, number>()
  const feed = {
    epoch: options.epoch ?? 'first',
    cursors: [] as (number | undefined)[],
    failure: undefined as Error | undefined,
    /** One for each of the next readings: its answer is made at once and arrives when that is settled. */
    delays: [] as Promise<void>[],
    publish: (sid: string, atMs: number) => entries.set(sid, atMs),
    forget(epoch: string) {
      entries.clear()
      feed.epoch = epoch
    },
    async read(cursorMs: number | undefined): Promise<RevocationDelta> {
      feed.cursors.push(cursorMs)
      const { failure, epoch } = feed
      const ended = [...entries].filter(([, atMs]) => atMs >= (cursorMs ?? -Infinity)).sort((a, b) => a[1] - b[1])
      await feed.delays.shift()
      if (failure) throw failure
      return { epoch, ended }
    }
  }
  const failures: string[] = []
  const onStoreFailure = (error: Error) => failures.push(error.message)
  const { freshMs = 0 } = options
  return { feed, failures, view: createRevocationView({ feed, freshMs, retentionMs: RETENTION_MS, onStoreFailure }) }
}

t.test('standing() tells an ended session from a live one', async t => {
  const { feed, view } = build()
  feed.publish('ended', 1)
  t.equal(await view.standing('ended', T0), 'ended')
  t.equal(await view.standing('live', T0), 'live')
})

t.test('standing() is unknown where the epoch is absent, whatever else is there', async t => {
  const { feed, view } = build({ epoch: '' })
  t.equal(await view.standing('live', T0), 'unknown')
  feed.publish('other', 1)
  t.equal(await view.standing('live', T0), 'unknown')
  t.equal(view.ageMs(T0), Infinity)
  feed.epoch = 'rebuilt'
  t.equal(await view.standing('live', T0), 'live', 'until it is there')
  t.equal(view.ageMs(T0 + 5), 5)
})

t.test('standing() is unknown again once the epoch has gone, and an ended session stays ended', async t => {
  const { feed, view } = build()
  feed.publish('ended', 1)
  t.equal(await view.standing('live', T0), 'live')
  feed.forget('')
  t.equal(await view.standing('live', T0 + 1), 'unknown')
  t.equal(await view.standing('ended', T0 + 1), 'ended')
})

t.test('standing() reads from the beginning when the epoch has changed', async t => {
  const { feed, view } = build()
  feed.publish('old', 1_000_000)
  await view.standing('live', T0)
  feed.forget('second')
  // An earlier time than the cursor: only a reading from the beginning finds it.
  feed.publish('rebuilt', 500)
  t.equal(await view.standing('rebuilt', T0 + 1), 'ended')
  t.strictSame(feed.cursors, [undefined, 1_000_000, undefined])
})

t.test('standing() reads from the beginning when another request has met the new epoch meanwhile', async t => {
  const { feed, view } = build()
  feed.publish('old', 1_000_000)
  await view.standing('live', T0)
  feed.forget('second')
  const [first, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  feed.delays.push(Promise.resolve(), first.promise, other.promise)

  const answers = [view.standing('live', T0 + 1)]
  while (feed.cursors.length < 3) await new Promise(resolve => setImmediate(resolve))
  // Earlier than the cursor of old, and too late for the reading that is on its way.
  feed.publish('early', 500)
  answers.push(view.standing('early', T0 + 2))
  first.resolve()
  t.equal(await answers[0], 'live')
  other.resolve()
  t.equal(await answers[1], 'ended')
})

t.test('standing() asks only for what is new, from its cursor on, that millisecond included', async t => {
  const { feed, view } = build()
  feed.publish('first', 1000)
  t.equal(await view.standing('first', T0), 'ended')
  feed.publish('second', 1000)
  t.equal(await view.standing('second', T0 + 1), 'ended', 'two sessions can end in one millisecond')
  feed.publish('third', 2000)
  t.equal(await view.standing('third', T0 + 2), 'ended')
  t.equal(await view.standing('live', T0 + 3), 'live')
  t.strictSame(feed.cursors, [undefined, 1000, 1000, 2000])
})

t.test('standing() finds what is published after the clock of Redis was set back', async t => {
  const { feed, view } = build()
  feed.publish('before', 9000)
  await view.standing('live', T0)
  // The publishing script never scores below the newest entry; see `test/parity/revocation-scripts.test.ts`.
  feed.publish('after', 9000)
  t.equal(await view.standing('after', T0 + 1), 'ended')
})

t.test('standing() answers from memory while the view is fresh, and for an ended session always', async t => {
  const { feed, view } = build({ freshMs: 500 })
  feed.publish('ended', 1)
  await view.standing('live', T0)
  for (const nowMs of [T0, T0 + 1, T0 + 500]) t.equal(await view.standing('live', nowMs), 'live')
  t.equal(feed.cursors.length, 1)
  await view.standing('live', T0 + 501)
  t.equal(feed.cursors.length, 2)
  feed.failure = new StoreError('down')
  t.equal(await view.standing('ended', T0 + 60_000), 'ended')
  t.equal(feed.cursors.length, 2, 'without a question')
})

t.test('standing() asks again when the clock of this instance was set back', async t => {
  const { feed, view } = build({ freshMs: 500 })
  await view.standing('live', T0)
  feed.publish('live', 2000)
  t.equal(await view.standing('live', T0 - 3_600_000), 'ended')
})

t.test('standing() is right for requests whose times arrive out of order', async t => {
  const { view } = build()
  t.equal(await view.standing('live', T0 + 5), 'live')
  t.equal(await view.standing('live', T0), 'live', 'an older request is not refused for being older')
  const many = Array.from({ length: 50 }, (_, i) => view.standing('live', T0 + ((i * 7) % 50)))
  t.strictSame(new Set(await Promise.all(many)), new Set(['live']))
})

t.test('standing() is unknown where the store fails, and says so once for each question', async t => {
  const { feed, view, failures } = build()
  t.equal(await view.standing('live', T0), 'live')
  feed.failure = new StoreError('down')
  for (const nowMs of [T0 + 1, T0 + 2]) t.equal(await view.standing('live', nowMs), 'unknown')
  t.strictSame(failures, ['down', 'down'])
  feed.failure = undefined
  t.equal(await view.standing('live', T0 + 3), 'live', 'and knows again as soon as it answers')
})

t.test('standing() does not hide a mistake of ours behind a failure of the store', async t => {
  const { feed, view } = build()
  feed.failure = new TypeError('a mistake')
  await t.rejects(view.standing('live', T0), { message: 'a mistake' })
})

t.test('the view forgets what no token can outlive, and nothing before', async t => {
  const { feed, view } = build({ freshMs: 10_000 })
  feed.publish('old', 1000)
  feed.publish('young', 2000)
  await view.standing('live', T0)
  feed.publish('newest', 1000 + RETENTION_MS)
  await view.standing('live', T0 + 20_000)
  t.equal(await view.standing('old', T0 + 20_000), 'ended', 'in the last millisecond')
  feed.publish('newer', 1001 + RETENTION_MS)
  await view.standing('live', T0 + 40_000)
  t.equal(await view.standing('old', T0 + 40_000), 'live')
  t.equal(await view.standing('young', T0 + 40_000), 'ended')
})

t.test('the view forgets the old ones though an older one was published again', async t => {
  const { feed, view } = build({ freshMs: 10_000 })
  feed.publish('again', 1000)
  feed.publish('old', 2000)
  await view.standing('live', T0)
  feed.publish('again', 900_000)
  await view.standing('live', T0 + 20_000)
  feed.publish('newest', 2001 + RETENTION_MS)
  await view.standing('live', T0 + 40_000)
  t.equal(await view.standing('old', T0 + 40_000), 'live')
  t.equal(await view.standing('again', T0 + 40_000), 'ended')
})
