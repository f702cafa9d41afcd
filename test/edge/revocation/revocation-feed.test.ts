/** The feed accepts valid replies only: a logout that was not published must not count as done. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createRevocationFeed } from '../../../edge/revocation/revocation-feed.ts'
import { openRedis } from '../../../edge/store/open-redis.ts'

/** A feed over a Redis that answers each command with `result`. */
async function feedOver(t: { teardown(work: () => unknown): void }, result: unknown) {
  const server = createServer(({ url }, response) =>
    response.end(JSON.stringify(url?.endsWith('/pipeline') ? [{ result }] : { result }))
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return createRevocationFeed(openRedis({ url: `http://127.0.0.1:${port}`, token: 'x' }), 60_000)
}

const ID = '01a1fc90-5540-7581-a8d9-be172b2131fe'
/** Texts are sent as base64. */
const encoded = (text: string) => Buffer.from(text).toString('base64')
const AT = encoded('1800000000000')

t.test('publish() throws where the reply does not confirm every entry', async t => {
  // biome-ignore format: one value a line would hide the list
  const nonsense = [
    null, 'OK', '', true, 0, 1, 2, 3, -1, 1.5, 'one', {}, [], [AT], [AT, 0], [AT, 1], [AT, 3], [AT, '2'], [AT, encoded('2')],
    [AT, 2, 2], [encoded(''), 2], [encoded('0'), 2], [encoded('now'), 2], [1_800_000_000_000, 2], [null, 2], [2, AT]
  ]
  for (const reply of nonsense) {
    const feed = await feedOver(t, reply)
    await t.rejects(feed.publish(['one', 'two']), { name: 'StoreError' }, JSON.stringify(reply))
  }
  const sound = await feedOver(t, [AT, 2])
  await t.resolves(sound.publish(['one', 'two']))
  await t.resolves(sound.publish(['one', 'two', 'one']), 'the same one twice is one')
})

t.test('epoch() throws where the reply is neither empty nor an id', async t => {
  for (const nonsense of [null, '', 'OK', true, 7, [], [encoded('0'), encoded('0')], [encoded(ID)]]) {
    const feed = await feedOver(t, nonsense)
    await t.rejects(feed.epoch(), { name: 'StoreError' }, JSON.stringify(nonsense))
  }
  t.equal(await (await feedOver(t, ['', encoded('0')])).epoch(), undefined)
  t.equal(await (await feedOver(t, [encoded(ID), encoded('0')])).epoch(), ID)
})

t.test('rebuild() throws where the reply is not an epoch', async t => {
  for (const nonsense of [
    null,
    '',
    'OK',
    true,
    0,
    1,
    [],
    {},
    [encoded(ID)],
    encoded('an epoch'),
    encoded(ID.toUpperCase())
  ]) {
    const feed = await feedOver(t, nonsense)
    await t.rejects(
      feed.rebuild(ID, async () => []),
      { name: 'StoreError' },
      JSON.stringify(nonsense)
    )
  }
  await t.resolves((await feedOver(t, encoded(ID))).rebuild(ID, async () => []))
})
