/** The signed hop: a real origin that requires it accepts requests as the edge signed them, and refuses every change. */

import t from 'tap'
import { HOP_MAX_AGE_MS, HOP_MAX_AHEAD_MS } from '../../edge/contract/edge-hop.ts'
import { createHopSigner } from '../../edge/gateway/sign-hop.ts'
import { EDGE_SECRET, edgeBindings, openInNode, PLACES } from '../edge/lib/edge-places.ts'
import { openTinyOrigin } from '../edge/lib/tiny-origin.ts'
import { openTestOrigin } from '../lib/test-origin.ts'

const REQUEST_ID = '0199a8d4-1c00-7000-8000-0000000000a1'

t.test('an origin that demands the edge', async t => {
  const origin = await openTestOrigin(t, { REQUIRE_EDGE: 'true' })
  const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code
  const nowhere = (init: RequestInit = {}, path = '/api/v1/nowhere') => fetch(origin.url + path, init)

  await t.test('refuses every request without it, except for health and keys', async t => {
    t.equal(await codeOf(await nowhere()), 'edge-required')
    t.equal(await codeOf(await nowhere({}, '/api/v1/auth/verify-token')), 'edge-required')
    for (const path of ['/health/live', '/.well-known/jwks.json']) t.equal((await fetch(origin.url + path)).status, 200)
  })

  for (const place of PLACES) {
    await t.test(`accepts what the edge signs in ${place.name}`, async t => {
      const edge = await place.open(t, edgeBindings(origin.url, origin.redis))
      for (const path of ['/api/v1/nowhere', '/api/v1//n%6Fwhere?a=%2f&b=c%20d', '/api/v1/nowhere?']) {
        const response = await edge.send(path)
        t.equal(await codeOf(response), 'not-found', path)
      }
      const post = await edge.send('/api/v1/auth/login', {
        method: 'POST',
        body: '{',
        headers: { 'content-type': 'application/json' }
      })
      t.equal(await codeOf(post), 'malformed-request')
    })
  }

  for (const place of PLACES) {
    await t.test(`answers with one id where it could not read the one of the edge: ${place.name}`, async t => {
      const edge = await place.open(t, edgeBindings(origin.url, origin.redis))
      const response = await edge.send('/api/v1/nowhere', { headers: { 'x-large': 'x'.repeat(20_000) } })
      t.equal(response.status, 431)
      const text = await response.text()
      t.match(JSON.parse(text), { code: 'headers-too-large', requestId: response.headers.get('x-request-id') })
      t.equal(text.match(/[0-9a-f]{8}-[0-9a-f]{4}-7/g)?.length, 1)
      t.match(response.headers.get('ratelimit'), /^"address";r=/, 'and ours is the answer in everything else')
    })
  }

  await t.test('refuses what another secret signed', async t => {
    const edge = await openInNode({ ...edgeBindings(origin.url, origin.redis), EDGE_SECRET: 'x'.repeat(32) })
    t.equal(await codeOf(await edge.send('/api/v1/nowhere')), 'edge-required')
  })

  await t.test('refuses a captured hop as soon as anything in it is changed', async t => {
    const tiny = await openTinyOrigin(t)
    const edge = await openInNode(edgeBindings(tiny.url, origin.redis))
    await edge.send('/api/v1/nowhere?a=b')
    const captured = Object.fromEntries(
      Object.entries(tiny.requests[0]?.headers ?? {}).filter(([name]) => /^x-(gatehouse|request)-/.test(name))
    ) as Record<string, string>
    t.equal(Object.keys(captured).length, 4)
    const replay = async (changes: Record<string, string>, path = '/api/v1/nowhere?a=b', method = 'GET') =>
      codeOf(await nowhere({ method, headers: { ...captured, ...changes } }, path))

    t.equal(await replay({}), 'not-found', 'unchanged it is accepted')
    const signature = captured['x-gatehouse-signature'] ?? ''
    const time = Number(captured['x-gatehouse-time'])
    const changed: Readonly<Record<string, Record<string, string>>> = {
      'another address': { 'x-gatehouse-client-address': '9.9.9.9' },
      'an address in another spelling': { 'x-gatehouse-client-address': '::ffff:127.0.0.1' },
      'another time': { 'x-gatehouse-time': String(time + 1) },
      'the time in another spelling': { 'x-gatehouse-time': `0x${time.toString(16)}f` },
      'another request id': { 'x-request-id': REQUEST_ID },
      'another signature': { 'x-gatehouse-signature': signature.replace(/.$/, last => (last === '0' ? '1' : '0')) },
      'a shorter signature': { 'x-gatehouse-signature': signature.slice(1) },
      'an upper-case signature': { 'x-gatehouse-signature': `${signature.slice(0, 63).toUpperCase()}A` },
      'no signature': { 'x-gatehouse-signature': '' },
      'two parts joined': { 'x-gatehouse-client-address': `127.0.0.1\t${time}` }
    }
    for (const [what, changes] of Object.entries(changed)) t.equal(await replay(changes), 'edge-required', what)
    t.equal(await replay({}, '/api/v1/nowhere?a=c'), 'edge-required', 'another query')
    t.equal(await replay({}, '/api/v1/elsewhere?a=b'), 'edge-required', 'another path')
    t.equal(await replay({}, '/api/v1/nowhere?a=b', 'DELETE'), 'edge-required', 'another method')
  })

  await t.test('refuses a genuine hop with a time too far off', async t => {
    const sign = createHopSigner(EDGE_SECRET)
    const ask = async (timeMs: number, changes: { clientAddress?: string; requestId?: string } = {}) => {
      const hop = {
        method: 'GET',
        target: '/api/v1/nowhere',
        clientAddress: '192.0.2.1',
        requestId: REQUEST_ID,
        timeMs,
        ...changes
      }
      const headers = {
        'x-gatehouse-client-address': hop.clientAddress,
        'x-gatehouse-time': String(timeMs),
        'x-gatehouse-signature': await sign(hop),
        'x-request-id': hop.requestId
      }
      return codeOf(await nowhere({ headers }))
    }
    t.equal(await ask(Date.now()), 'not-found')
    t.equal(await ask(Date.now() - HOP_MAX_AGE_MS / 2), 'not-found')
    t.equal(await ask(Date.now() + HOP_MAX_AHEAD_MS / 2), 'not-found')
    t.equal(await ask(Date.now() - HOP_MAX_AGE_MS - 1), 'edge-required')
    t.equal(await ask(Date.now() + 2 * HOP_MAX_AHEAD_MS), 'edge-required')
    t.equal(await ask(Number.NaN), 'edge-required')
    t.equal(await ask(Date.now(), { clientAddress: 'localhost' }), 'edge-required', 'or with an invalid address')
    t.equal(await ask(Date.now(), { requestId: 'not-an-id' }), 'edge-required', 'or with an invalid id')
  })
})
