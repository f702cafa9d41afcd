/** The documents at well-known locations, through the edge and at the origin: the same, cached, and from any site. */

import t from 'tap'
import { call } from '../lib/person.ts'
import { openTestStack } from '../lib/test-stack.ts'

const CONTACT = 'mailto:security@example.com'
const { edge, origin } = await openTestStack(t, {
  SECURITY_CONTACT: CONTACT,
  ALLOWED_ORIGINS: 'https://app.example.com'
})
const PLACES = { edge, origin }
const METADATA = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']
const DOCUMENTS: Readonly<Record<string, string>> = {
  '/.well-known/jwks.json': 'public, max-age=300',
  '/.well-known/security.txt': 'public, max-age=86400',
  ...Object.fromEntries(METADATA.map(path => [path, 'public, max-age=300']))
}

for (const [place, base] of Object.entries(PLACES)) {
  t.test(`the ${place}: metadata is correct, and leads to the keys`, async t => {
    for (const path of METADATA) {
      const { status, headers, body } = await call(base, 'GET', path)
      t.equal(status, 200)
      t.match(headers.get('content-type'), /^application\/json/)
      t.equal(body.issuer, edge, 'to the letter the "iss" of every token: RFC 8414, section 3.3')
      t.equal(body.jwks_uri, `${edge}/.well-known/jwks.json`)
      t.strictSame(body.id_token_signing_alg_values_supported, ['ES256'])
      t.strictSame([body.response_types_supported, body.grant_types_supported], [[], []], 'no flow is claimed')
      t.notOk(
        Object.keys(body).some(name => name.endsWith('_endpoint')),
        'no endpoint is claimed'
      )
      const { body: keys } = await call(base, 'GET', new URL(body.jwks_uri).pathname)
      t.ok(keys.keys.length > 0)
      for (const { alg } of keys.keys) t.ok(body.id_token_signing_alg_values_supported.includes(alg))
    }
  })

  t.test(`the ${place}: public documents are cached, and revalidated without a body`, async t => {
    for (const [path, cacheControl] of Object.entries(DOCUMENTS)) {
      const { headers } = await call(base, 'GET', path)
      const etag = headers.get('etag') ?? ''
      t.match(etag, /^"[\w-]{22}"$/, path)
      t.equal(headers.get('cache-control'), cacheControl, path)
      for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const known = await call(base, 'GET', path, { headers: { 'if-none-match': tag } })
        t.equal(known.status, 304, `${path} ${tag}`)
        t.equal(known.body, '')
        t.equal(known.headers.get('etag'), etag)
        t.equal(known.headers.get('cache-control'), cacheControl)
      }
      for (const tag of ['"other"', etag.slice(1, -1), '', etag.replace('"', '"x')])
        t.equal((await call(base, 'GET', path, { headers: { 'if-none-match': tag } })).status, 200, `${path} ${tag}`)
      t.equal((await fetch(base + path, { method: 'HEAD' })).headers.get('etag'), etag)
    }
  })

  t.test(`the ${place}: public documents are readable from any site, and never with credentials`, async t => {
    for (const path of Object.keys(DOCUMENTS)) {
      for (const from of ['https://app.example.com', 'https://unlisted.example', 'null', undefined]) {
        const { status, headers } = await call(base, 'GET', path, from ? { headers: { origin: from } } : {})
        t.equal(status, 200)
        t.equal(headers.get('access-control-allow-origin'), '*', `${path} from ${from}`)
        t.equal(headers.get('access-control-allow-credentials'), null)
        t.equal(headers.get('cross-origin-resource-policy'), 'cross-origin')
        t.equal(headers.get('vary'), null, 'one answer for all sites, also in a cache')
        t.equal(headers.get('set-cookie'), null)
      }
    }
  })

  t.test(`the ${place}: a password manager is led to a page that sets a password`, async t => {
    const { status, headers } = await call(base, 'GET', '/.well-known/change-password')
    t.equal(status, 302)
    const page = await call(base, 'GET', headers.get('location') ?? '')
    t.equal(page.status, 200)
    t.match(page.body, /autocomplete="new-password"/)
    const probe = '/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200'
    t.equal((await call(base, 'GET', probe)).status, 404, 'and the probe of the specification finds nothing')
  })

  t.test(`the ${place}: security.txt names the contact, for less than a year`, async t => {
    const { headers, body } = await call(base, 'GET', '/.well-known/security.txt')
    t.equal(headers.get('content-type'), 'text/plain; charset=utf-8')
    const fields = new Map(
      body
        .trimEnd()
        .split('\n')
        .map((line: string) => line.split(/: (.*)/))
    )
    t.equal(fields.get('Contact'), CONTACT)
    t.equal(fields.get('Canonical'), `${edge}/.well-known/security.txt`)
    const days = (Date.parse(String(fields.get('Expires'))) - Date.now()) / 86_400_000
    t.ok(days > 88 && days <= 90, `${days} days`)
  })

  t.test(`the ${place}: no well-known place takes anything but GET and HEAD`, async t => {
    for (const path of [...Object.keys(DOCUMENTS), '/.well-known/change-password']) {
      const { status, headers } = await call(base, 'POST', path)
      t.equal(status, 405, path)
      t.equal(headers.get('allow'), 'GET, HEAD', path)
    }
  })
}
