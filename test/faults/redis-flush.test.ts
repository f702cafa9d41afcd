/**
 * A Redis that has lost its memory: edges close at once, PostgreSQL rebuilds it within five seconds, no session slips
 * through.
 */

import t from 'tap'
import { createRevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { type Edge, edgeBindings, WORKERD } from '../edge/lib/edge-places.ts'
import { openTinyOrigin } from '../edge/lib/tiny-origin.ts'
import { call, PASSWORD, signUp } from '../lib/person.ts'
import { openTestOrigin } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

const AUTH = '/api/v1/auth'
const REBUILT_WITHIN_MS = 5_000

async function codeAt(edge: Edge, token: string): Promise<string> {
  const response = await edge.send(`${AUTH}/verify-token`, { headers: { authorization: `Bearer ${token}` } })
  const text = await response.text()
  return response.status === 200 ? 'ok' : JSON.parse(text).code
}

t.test('an ended session stays ended while Redis forgets and is rebuilt', async t => {
  const origin = await openTestOrigin(t)
  const wide = '1000000/60'
  const bindings = {
    ...edgeBindings((await openTinyOrigin(t)).url, origin.redis),
    JWKS_URL: `${origin.url}/.well-known/jwks.json`,
    EDGE_QUOTA_ADDRESS: wide,
    EDGE_QUOTA_AUTH: wide,
    EDGE_QUOTA_USER: wide
  }
  const edge = await WORKERD.open(t, bindings)
  const gone = await signUp(origin.url, origin.mailbox)
  const body = { email: gone.email, password: PASSWORD }
  const here = (await call(origin.url, 'POST', `${AUTH}/login`, { body })).body.accessToken
  await call(origin.url, 'POST', `${AUTH}/logout`, { body: { refreshToken: gone.refreshToken } })
  await until(
    'the edge has heard of the logout',
    async () => (await codeAt(edge, gone.accessToken)) === 'session-ended'
  )

  const redis = openRedis(origin.redis)
  await redis.flushall()
  const flushedMs = Date.now()
  // The edge may see the empty Redis or only the rebuilt one. In both cases it refuses the session.
  await until('the set is whole, and the edge knows', async () => {
    t.not(await codeAt(edge, gone.accessToken), 'ok')
    const isRebuilt = (await createRevocationFeed(redis, 960_000).epoch()) !== undefined
    return isRebuilt && (await codeAt(edge, here)) === 'ok'
  })
  const rebuiltMs = Date.now() - flushedMs
  t.ok(rebuiltMs <= REBUILT_WITHIN_MS, `rebuilt after ${rebuiltMs} ms`)
  t.not(await codeAt(edge, gone.accessToken), 'ok')

  // An isolate that opens after the flush knows only the rebuilt set.
  const fresh = await WORKERD.open(t, bindings)
  // On a busy machine a cold isolate may miss its first deadline, which proves nothing.
  const codeThere = (token: string) =>
    until('the new isolate decides', async () => {
      const code = await codeAt(fresh, token)
      return code === 'unavailable' ? undefined : code
    })
  t.equal(await codeThere(gone.accessToken), 'session-ended')
  t.equal(await codeThere(here), 'ok')
})
