/** The headers of a forwarded request: nothing in them that only we may say was said by the client. */

import { readFile } from 'node:fs/promises'
import t from 'tap'
import { forwardHeaders, hopHeaders } from '../../../edge/gateway/forward-headers.ts'
import { UNTRUSTED_HEADERS } from '../../../edge/gateway/untrusted-headers.ts'
import { createRandom, pick } from '../lib/random.ts'

/** Every name by which some server learns the user, the client address or the purpose of a request. */
// biome-ignore format: one value a line would hide the list
const HEARSAY = [
  'x-gatehouse-client-address', 'x-gatehouse-time', 'x-gatehouse-signature', 'x-gatehouse-anything', 'x-request-id',
  'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port', 'x-forwarded-prefix', 'x-forwarded-user',
  'x-forwarded-client-cert', 'forwarded', 'via', 'x-real-ip', 'x-client-ip', 'x-cluster-client-ip', 'true-client-ip',
  'client-ip', 'fastly-client-ip', 'cf-connecting-ip', 'cf-connecting-ipv6', 'cf-pseudo-ipv4', 'cf-ipcountry', 'cf-visitor',
  'cf-worker', 'x-originating-ip', 'x-remote-ip', 'x-remote-addr', 'x-remote-user', 'remote-user', 'x-original-url',
  'x-original-host', 'x-original-forwarded-for', 'x-rewrite-url', 'x-envoy-external-address', 'x-http-method',
  'x-http-method-override', 'x-method-override', 'x-user', 'x-user-id', 'x-user-email', 'x-user-role', 'x-forwarded', 'proxy-authorization', 'x-auth-request-email',
  'x-auth-user', 'x-authenticated-user', 'x-session-id', 'x-middleware-subrequest', 'x-middleware-subrequest-id',
  'x-forwarded-email', 'x-forwarded-groups', 'x-forwarded-preferred-username', 'x-forwarded-access-token', 'x-auth-request-user',
  'x-auth-request-groups', 'x-auth-request-access-token', 'gap-signature', 'x-goog-iap-jwt-assertion',
  'x-goog-authenticated-user-email', 'x-goog-authenticated-user-id', 'x-apigateway-api-userinfo', 'x-endpoint-api-userinfo',
  'x-appengine-user-email', 'cf-access-jwt-assertion', 'cf-access-authenticated-user-email', 'x-amzn-oidc-data',
  'x-amzn-oidc-identity', 'x-amzn-oidc-accesstoken', 'x-amzn-mtls-clientcert', 'cloudfront-viewer-address',
  'x-ms-client-principal', 'x-ms-client-principal-id', 'x-ms-client-principal-name', 'x-ms-client-principal-idp',
  'x-ms-token-aad-id-token', 'x-arr-clientcert', 'x-azure-clientip', 'remote-groups', 'remote-name', 'remote-email', 'x-remote-group',
  'x-remote-extra-scopes', 'tailscale-user-login', 'tailscale-user-name', 'tailscale-user-profile-pic', 'x-pomerium-jwt-assertion',
  'x-pomerium-claim-email', 'x-authentik-username', 'x-authentik-groups', 'x-authentik-jwt', 'impersonate-user',
  'impersonate-group', 'impersonate-extra-scopes', 'x-webauth-user', 'x-webauth-role', 'x-vouch-user', 'x-vouch-idp-claims-email',
  'teleport-jwt-assertion', 'x-consumer-id', 'x-consumer-username', 'x-credential-identifier', 'x-anonymous-consumer', 'x-authenticated-userid',
  'oidc-claim-sub', 'shib-session-id', 'sm-user', 'iv-user', 'oam-remote-user', 'x-jwt-assertion', 'client-cert', 'ssl-client-verify',
  'x-ssl-client-s-dn', 'proxy', 'x-vercel-forwarded-for', 'x-nf-client-connection-ip', 'fly-client-ip'
] as const

// biome-ignore format: one value a line would hide the list
const OURS_TO_PASS = [
  'accept', 'accept-language', 'authorization', 'content-type', 'cookie', 'origin', 'referer', 'user-agent', 'if-none-match',
  'range', 'sec-fetch-site', 'access-control-request-method', 'x-requested-with', 'x-csrf-token', 'traceparent', 'x-usage',
  'x-authority', 'cfx', 'x-forward', 'x-gatehouse', 'idempotency-key', 'x-api-key', 'x-amz-date', 'x-amzn-trace-id',
  'x-goog-api-key', 'x-ms-version', 'x-hasura-role', 'x-middlewares', 'remote', 'proxy-connection', 'sm', 'x-correlation-id', 'session-id'
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

t.test('forwardHeaders() reads underscores, dots and the like as hyphens, all of them or some', async t => {
  const random = createRandom(6)
  for (const name of HEARSAY) {
    const some = name.replaceAll('-', () => pick(random, ['-', '_', '.', '!', '~', '+']))
    for (const spelt of [name.replaceAll('-', '_'), some, name.replaceAll('-', '_').toUpperCase()]) {
      t.strictSame([...forwardHeaders(new Headers({ [spelt]: 'forged' }), {})], [], spelt)
    }
  }
})

t.test('every untrusted header has a source, and the README says the same', async t => {
  const readme = await readFile(new URL('../../../edge/README.md', import.meta.url), 'utf8')
  const [, section = ''] = readme.split('### What the edge strips')
  const rows = [...(section.split('###')[0] ?? '').matchAll(/^\| (.+?) \| (`.+`) \|$/gm)]
  t.strictSame(
    rows.map(([, source = '', names = '']) => ({ source, names: names.replaceAll('`', '').split(', ') })),
    UNTRUSTED_HEADERS.map(({ source, names }) => ({ source, names }))
  )
  const all = UNTRUSTED_HEADERS.flatMap(({ names }) => names)
  t.equal(new Set(all).size, all.length, 'each once')
  for (const name of all) t.match(name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*(-\*)?$/, name)
  for (const { source, reference } of UNTRUSTED_HEADERS) t.ok(reference.length > 8, source)
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

t.test('forwardHeaders() forwards all other headers to the letter, duplicates too', async t => {
  const inbound = new Headers(OURS_TO_PASS.map(name => [name, `value of ${name}`]))
  inbound.append('accept', 'a second one')
  const outbound = forwardHeaders(inbound, {})
  t.strictSame([...outbound], [...inbound])
  t.equal(outbound.get('accept'), 'value of accept, a second one')
})

t.test('forwardHeaders() changes the headers in place: the caller has copied them', async t => {
  const headers = new Headers({ 'x-real-ip': '192.0.2.9', accept: '*/*' })
  t.equal(forwardHeaders(headers, hopHeaders(HOP, 'signature')), headers)
  t.notOk(headers.has('x-real-ip'))
})

t.test('forwardHeaders() treats a name the same each time, whatever names came between', async t => {
  const forged = () => new Headers({ x_gatehouse_signature: 'f', 'x-real-ip': '192.0.2.9', 'x-mine': 'kept' })
  for (let round = 0; round < 3; round++) {
    t.strictSame([...forwardHeaders(forged(), {})], [['x-mine', 'kept']])
    for (let i = 0; i < 1_500; i++) forwardHeaders(new Headers({ [`x-stranger-${round}-${i}`]: '' }), {})
  }
})
