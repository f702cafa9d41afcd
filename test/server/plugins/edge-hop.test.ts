/** The hop from the edge: what a signature proves, and which routes answer without one. */

import { createHmac } from 'node:crypto'
import t from 'tap'
import { type EdgeHop, edgeHopText, HOP_MAX_AGE_MS } from '../../../edge/contract/edge-hop.ts'
import { createId } from '../../../server/lib/crypto/ids.ts'
import { TEST_SETTINGS } from '../../lib/test-origin.ts'
import { openSubject, requestText } from '../http/subject.ts'

const { raw, sql } = await openSubject(t, { REQUIRE_EDGE: 'true' })
const PATH = '/api/v1/users/me'

/** The hop of a valid request, with changes before it is signed. */
const hopOf = (change: Partial<EdgeHop> = {}): EdgeHop => ({
  method: 'GET',
  target: PATH,
  clientAddress: '203.0.113.7',
  timeMs: Date.now(),
  requestId: createId(Date.now()),
  ...change
})

function signed(hop: EdgeHop, secret = TEST_SETTINGS.EDGE_SECRET): Record<string, string> {
  return {
    'x-gatehouse-client-address': hop.clientAddress,
    'x-gatehouse-time': String(hop.timeMs),
    'x-request-id': hop.requestId,
    'x-gatehouse-signature': createHmac('sha256', secret).update(edgeHopText(hop)).digest('hex')
  }
}

async function send(headers: Record<string, string>, path = PATH, method = 'GET') {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const { status, body, headers: got } = await raw(requestText(method, path, { headers: lines }))
  return { status, code: body === '' ? undefined : JSON.parse(body).code, requestId: got.get('x-request-id') }
}

t.test('a signed hop is admitted under the request id of the edge', async t => {
  const hop = hopOf()
  t.strictSame(await send(signed(hop)), { status: 401, code: 'token-missing', requestId: hop.requestId })
})

t.test('a hop with any part altered or missing, or with a foreign signature, is refused', async t => {
  const good = signed(hopOf())
  const signature = good['x-gatehouse-signature'] ?? ''
  const altered: [string, Record<string, string>][] = [
    ['address', { ...good, 'x-gatehouse-client-address': '203.0.113.8' }],
    ['time', { ...good, 'x-gatehouse-time': String(Number(good['x-gatehouse-time']) + 1) }],
    ['request id', { ...good, 'x-request-id': createId(Date.now()) }],
    ['signature', { ...good, 'x-gatehouse-signature': signature.replace(/.$/, last => (last === '0' ? '1' : '0')) }],
    ['upper case', { ...good, 'x-gatehouse-signature': signature.toUpperCase() }],
    ['short signature', { ...good, 'x-gatehouse-signature': signature.slice(2) }],
    ['two signatures', { ...good, 'x-gatehouse-signature': `${signature}, ${signature}` }],
    ['another secret', signed(hopOf(), 'another edge secret that is long enough')],
    ['nothing', {}],
    [
      'only forwarding headers',
      { 'X-Forwarded-For': '127.0.0.1', Forwarded: 'for=127.0.0.1', 'CF-Connecting-IP': '1.1.1.1' }
    ]
  ]
  for (const name of Object.keys(good)) {
    const { [name]: _, ...rest } = good
    altered.push([`without ${name}`, rest])
  }
  for (const [name, headers] of altered) t.match(await send(headers), { status: 403, code: 'edge-required' }, name)
})

t.test('a hop holds for its own method and target only', async t => {
  const headers = signed(hopOf())
  for (const path of ['/api/v1/auth/verify-token', `${PATH}?x`, `${PATH}/`, '/API/v1/users/me']) {
    t.match(await send(headers, path), { status: 403, code: 'edge-required' }, path)
  }
  t.match(await send(headers, PATH, 'PATCH'), { status: 403, code: 'edge-required' })
})

t.test('a hop with an old time, or a time too far ahead, is refused', async t => {
  for (const awayMs of [-HOP_MAX_AGE_MS - 5000, HOP_MAX_AGE_MS + 5000, -1e9, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.match(await send(signed(hopOf({ timeMs: Date.now() + awayMs }))), { status: 403 }, `${awayMs}`)
  }
  t.match(await send(signed(hopOf({ timeMs: Date.now() - HOP_MAX_AGE_MS + 10_000 }))), { status: 401 })
})

t.test('even the edge cannot sign an invalid address or id', async t => {
  for (const clientAddress of ['', 'nobody', '1.2.3.4, 5.6.7.8', '1.2.3.4:80', '[::1]']) {
    t.match(await send(signed(hopOf({ clientAddress }))), { status: 403 }, clientAddress)
  }
  for (const requestId of ['', '1', 'x'.repeat(36)])
    t.match(await send(signed(hopOf({ requestId }))), { status: 403 }, requestId)
})

t.test('without the edge only health and the key set answer', async t => {
  for (const path of ['/health/live', '/health/ready', '/.well-known/jwks.json']) {
    t.equal((await send({}, path)).status, 200, path)
  }
  for (const path of [
    '/',
    '/nothing',
    '/docs',
    '/openapi.json',
    '/verify-email',
    '/problems/internal',
    '/metrics',
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
    '/.well-known/change-password',
    '/.well-known/security.txt',
    PATH
  ]) {
    t.match(await send({}, path), { status: 403, code: 'edge-required' }, path)
  }
  for (const method of ['POST', 'PUT', 'OPTIONS', 'TRACE'])
    t.match(await send({}, PATH, method), { status: 403 }, method)
})

t.test('the client is the signed address, and forwarding headers change nothing', async t => {
  const path = '/api/v1/auth/login'
  const headers = signed(hopOf({ method: 'POST', target: path, clientAddress: '2001:db8::7' }))
  const body = JSON.stringify({ email: 'nobody@example.com', password: 'Wrong-horse-7' })
  const lines = Object.entries({ ...headers, 'X-Forwarded-For': '6.6.6.6', 'Content-Type': 'application/json' })
  const answer = await raw(
    requestText('POST', path, { headers: lines.map(([name, value]) => `${name}: ${value}`), body })
  )
  t.equal(answer.status, 401)
  const seen = await sql`select * from audit_events where request_id = ${headers['x-request-id'] ?? ''}`
  t.equal(seen.length, 1, 'the audit log knows the request by the id of the edge')
})
