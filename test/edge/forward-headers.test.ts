/** The headers of a forwarded request: nothing in them that only we may say was said by the client. */

import t from 'tap'
import { forwardHeaders, hopHeaders } from '../../edge/forward-headers.ts'
import { createRandom, pick } from './lib/random.ts'

/** Every name by which some server learns who is asking, from where, or what for. */
// biome-ignore format: one value a line would hide the list
const HEARSAY = [
  'x-gatehouse-client-address', 'x-gatehouse-time', 'x-gatehouse-signature', 'x-gatehouse-anything', 'x-request-id',
  'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port', 'x-forwarded-prefix', 'x-forwarded-user',
  'x-forwarded-client-cert', 'forwarded', 'via', 'x-real-ip', 'x-client-ip', 'x-cluster-client-ip', 'true-client-ip',
  'client-ip', 'fastly-client-ip', 'cf-connecting-ip', 'cf-connecting-ipv6', 'cf-pseudo-ipv4', 'cf-ipcountry', 'cf-visitor',
  'cf-worker', 'x-originating-ip', 'x-remote-ip', 'x-remote-addr', 'x-remote-user', 'remote-user', 'x-original-url',
  'x-original-host', 'x-original-forwarded-for', 'x-rewrite-url', 'x-envoy-external-address', 'x-http-method',
  'x-http-method-override', 'x-method-override', 'x-user', 'x-user-id', 'x-user-email', 'x-user-role', 'x-forwarded', 'proxy-authorization', 'x-auth-request-email',
  'x-auth-user', 'x-authenticated-user'
] as const

// biome-ignore format: one value a line would hide the list
const OURS_TO_PASS = [
  'accept', 'accept-language', 'authorization', 'content-type', 'cookie', 'origin', 'referer', 'user-agent', 'if-none-match',
  'range', 'sec-fetch-site', 'access-control-request-method', 'x-requested-with', 'x-csrf-token', 'traceparent', 'x-usage',
  'x-authority', 'cfx', 'x-forward', 'x-gatehouse', 'idempotency-key'
] as const

const HOP = { clientAddress: '192.0.2.1', timeMs: 1_800_000_000_000, requestId: 'ours' }

t.test('forwardHeaders() drops every header that speaks about the client, whatever its case', async t => {
  const random = createRandom(5)
  for (const name of HEARSAY) {
    const mixed = name.replace(/[a-z]/g, letter => (random() < 0.5 ? letter.toUpperCase() : letter))
    for (const spelt of [name, name.toUpperCase(), mixed]) {
      t.strictSame([...forwardHeaders(new Headers({ [spelt]: 'forged' }), {})], [], spelt)
    }
  }
})

t.test('forwardHeaders() reads underscores as hyphens, all of them or some', async t => {
  const random = createRandom(6)
  for (const name of HEARSAY) {
    const some = name.replaceAll('-', () => pick(random, ['-', '_']))
    for (const spelt of [name.replaceAll('-', '_'), some, name.replaceAll('-', '_').toUpperCase()]) {
      t.strictSame([...forwardHeaders(new Headers({ [spelt]: 'forged' }), {})], [], spelt)
    }
  }
})

t.test('forwardHeaders() sets ours once, whatever the client sent under their names', async t => {
  const inbound = new Headers()
  const hop = hopHeaders(HOP, 'signature')
  for (const name of Object.keys(hop)) {
    for (const spelt of [name, name, name.toUpperCase(), name.replaceAll('-', '_')]) inbound.append(spelt, 'forged')
  }
  t.strictSame(Object.fromEntries(forwardHeaders(inbound, hop)), hop)
  t.strictSame(hop, {
    'x-gatehouse-client-address': '192.0.2.1',
    'x-gatehouse-time': '1800000000000',
    'x-gatehouse-signature': 'signature',
    'x-request-id': 'ours'
  })
})

t.test('forwardHeaders() passes everything else on to the letter, duplicates too', async t => {
  const inbound = new Headers(OURS_TO_PASS.map(name => [name, `value of ${name}`]))
  inbound.append('accept', 'a second one')
  const outbound = forwardHeaders(inbound, {})
  t.strictSame([...outbound], [...inbound])
  t.equal(outbound.get('accept'), 'value of accept, a second one')
})

t.test('forwardHeaders() changes the headers in place: whoever hands them over has copied them', async t => {
  const headers = new Headers({ 'x-real-ip': '192.0.2.9', accept: '*/*' })
  t.equal(forwardHeaders(headers, hopHeaders(HOP, 'signature')), headers)
  t.notOk(headers.has('x-real-ip'))
})

t.test('forwardHeaders() judges a name the same each time, whatever crowd of names came between', async t => {
  const forged = () => new Headers({ x_gatehouse_signature: 'f', 'x-real-ip': '192.0.2.9', 'x-mine': 'kept' })
  for (let round = 0; round < 3; round++) {
    t.strictSame([...forwardHeaders(forged(), {})], [['x-mine', 'kept']])
    for (let i = 0; i < 1_500; i++) forwardHeaders(new Headers({ [`x-stranger-${round}-${i}`]: '' }), {})
  }
})
