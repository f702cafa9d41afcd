/** The feed believes Redis only what makes sense: a logout that nobody was told of must not pass for done. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createRevocationFeed } from '../../../edge/revocation/revocation-feed.ts'
import { openRedis } from '../../../edge/store/open-redis.ts'

/** A feed over something that answers each command with `result`. */
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

t.test('publish() fails where the answer is no count', async t => {
  for (const nonsense of [null, 'OK', '', true, [], {}, -1, 1.5, 'one']) {
    const feed = await feedOver(t, nonsense)
    await t.rejects(feed.publish(['sid']), { name: 'StoreError' }, JSON.stringify(nonsense))
  }
  await t.resolves((await feedOver(t, 3)).publish(['sid']), 'three entries')
})

t.test('epoch() fails where the answer is neither nothing nor an id', async t => {
  for (const nonsense of ['', 'OK', true, 7, []]) {
    const feed = await feedOver(t, nonsense)
    await t.rejects(feed.epoch(), { name: 'StoreError' }, JSON.stringify(nonsense))
  }
  t.equal(await (await feedOver(t, null)).epoch(), undefined)
  const id = '01a1fc90-5540-7581-a8d9-be172b2131fe'
  t.equal(await (await feedOver(t, Buffer.from(id).toString('base64'))).epoch(), id)
})
