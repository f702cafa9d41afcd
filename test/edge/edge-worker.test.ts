/** A Worker with policies of its own: valid policies apply, and invalid ones cannot be deployed. */

import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { removedKeyEntry } from '../../edge/contract/redis-keys.ts'
import { createEdgeWorker } from '../../edge/edge-worker.ts'
import { createRevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { publicJwkOf } from '../../local/token-forge.ts'
import { until } from '../lib/until.ts'
import { NODE, openSurroundings, PUBLIC_URL } from './lib/edge-places.ts'
import { openTinyOrigin } from './lib/tiny-origin.ts'

const OWN = {
  quotas: { few: { by: 'address', limit: '3/60' } },
  routes: [
    { path: '/reports/*', methods: ['GET'], token: 'none', quotas: [], onStoreFailure: 'fallback' },
    { path: '/reports/*', methods: ['POST'], token: 'required', quotas: ['few'], onStoreFailure: 'refuse' }
  ]
} as const

async function openOwn(t: Test) {
  const around = await openSurroundings(t)
  const worker = createEdgeWorker(OWN)
  const send = (path: string, init?: RequestInit, bindings: object = {}) => {
    const env = { ...around.bindings, ...bindings }
    return worker.fetch(new Request(PUBLIC_URL + path, init), env, { waitUntil() {} })
  }
  return { ...around, send }
}

t.test('createEdgeWorker() throws on invalid policies', async t => {
  const [route] = OWN.routes
  for (const routes of [
    [],
    [{ ...route, quotas: ['none'] }],
    [{ ...route, path: 'reports' }],
    [{ ...route, token: '' }]
  ])
    t.throws(() => createEdgeWorker({ ...OWN, routes } as never), { name: 'TypeError', message: /with these policies/ })
})

t.test('policies of a deployment apply by method, and every other route needs a token', async t => {
  const { send, token, origin } = await openOwn(t)
  // Each anonymous request comes from an address of its own: the quota has three.
  let anonymous = 0
  const statusOf = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const from = { 'cf-connecting-ip': `198.51.100.${anonymous++}` }
    return (await send(path, { method, headers: { ...from, ...headers } })).status
  }
  t.equal(await statusOf('GET', '/reports/1'), 200)
  t.equal(await statusOf('HEAD', '/reports/1'), 200)
  for (const [method, path] of [
    ['POST', '/reports/1'],
    ['PUT', '/reports/1'],
    ['GET', '/'],
    ['GET', '/health/live']
  ] as const)
    t.equal(await statusOf(method, path), 401, `${method} ${path}`)
  const before = origin.requests.length
  const mine = { authorization: `Bearer ${token()}`, 'cf-connecting-ip': '192.0.2.1' }
  t.equal(await statusOf('PUT', '/elsewhere', mine), 200, 'with one it passes, and counts under every quota')
  t.strictSame([await statusOf('POST', '/reports', mine), await statusOf('POST', '/reports/2', mine)], [200, 200])
  t.equal(await statusOf('POST', '/Reports;x/3', mine), 429, 'three')
  t.equal(await statusOf('PUT', '/elsewhere', mine), 429)
  t.equal(origin.requests.length - before, 3)
})

t.test('with inline keys nothing is fetched, and no other key is accepted', async t => {
  const { bindings, signer, token } = await openSurroundings(t)
  const asked: string[] = []
  const bare = await openTinyOrigin(t)
  bare.answer = (request, response) => {
    asked.push(String(request.url))
    response.end('ok')
  }
  const JWKS = JSON.stringify({ keys: [publicJwkOf(signer)] })
  const edge = await NODE.open(t, { ...bindings, ORIGIN_URL: bare.url, JWKS_URL: `${bare.url}/keys`, JWKS })
  const mine = { headers: { authorization: `Bearer ${token()}` } }
  t.equal((await edge.send('/api/v1/users/me', mine)).status, 200)
  const foreign = await openSurroundings(t)
  const theirs = { headers: { authorization: `Bearer ${foreign.token()}` } }
  t.equal((await edge.send('/api/v1/users/me', theirs)).status, 401)
  t.strictSame(asked, ['/api/v1/users/me'])
})

t.test('a removed key ends all of its tokens within a second, remembered ones too', async t => {
  const { bindings, redis, signer, token } = await openSurroundings(t)
  for (const keys of [{}, { JWKS: JSON.stringify({ keys: [publicJwkOf(signer)] }) }]) {
    const edge = await NODE.open(t, { ...bindings, ...keys })
    const ask = () => edge.send('/api/v1/users/me', { headers: { authorization: `Bearer ${token()}` } })
    const again = { headers: { authorization: `Bearer ${token()}` } }
    await until('a token passes', async () => (await edge.send('/api/v1/users/me', again)).status === 200)
    await createRevocationFeed(openRedis(redis), 960_000).publish([removedKeyEntry(signer.kid)])
    const refused = await until('the edge has heard of it', async () => {
      const response = await edge.send('/api/v1/users/me', again)
      return response.status === 401 && response
    })
    t.match(await refused.json(), { code: 'token-invalid' })
    t.equal((await ask()).status, 401)
    // Redis forgets the removal, so that the second Worker begins with a valid key.
    await openRedis(redis).flushall()
    await createRevocationFeed(openRedis(redis), 960_000).rebuild(randomUUID(), async () => [])
    t.equal((await ask()).status, 401, 'an edge never accepts a removed key again')
  }
})

t.test('the age of the knowledge of ended sessions is shown only with DEBUG_HEADERS', async t => {
  const { bindings, token } = await openSurroundings(t)
  const ageOf = async (more: object) => {
    const edge = await NODE.open(t, { ...bindings, ...more })
    const response = await edge.send('/api/v1/users/me', { headers: { authorization: `Bearer ${token()}` } })
    return response.headers.get('x-auth-revocation-age')
  }
  t.equal(await ageOf({}), null)
  const age = await ageOf({ DEBUG_HEADERS: 'true' })
  t.match(age, /^\d+$/)
  t.ok(Number(age) <= 1_000)
})
