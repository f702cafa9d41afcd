/**
 * Key sets, inline and from a real HTTP server that misbehaves on demand; time is an argument, so nothing waits for it.
 *
 * Over 200 lines: one table of bad answers and one rule for each test, all over one server.
 */

import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createInlineKeySet } from '../../../edge/verifier/inline-key-set.ts'
import { KeysUnavailableError } from '../../../edge/verifier/key-source.ts'
import type { PublicJwk } from '../../../edge/verifier/public-jwk.ts'
import { createRemoteKeySet, type RemoteKeySetOptions } from '../../../edge/verifier/remote-key-set.ts'
import type { SignaturePort } from '../../../edge/verifier/signature-port.ts'
import { generateSigner, publicJwkOf } from '../../../local/token-forge.ts'
import { createNodeSignaturePort } from '../../../server/lib/crypto/node-signature.ts'

type Answer = (response: ServerResponse, request: IncomingMessage) => void

const signature = createNodeSignaturePort()
const [one, two, edwards] = [
  publicJwkOf(generateSigner('ES256', 'one')),
  publicJwkOf(generateSigner('ES256', 'two')),
  publicJwkOf(generateSigner('EdDSA', 'edwards'))
] as const

const T0 = 1_800_000_000_000
const COOLDOWN_MS = 30_000
const MAX_AGE_MS = 300_000

/** Answers with `text` as a key set. */
function text(body: string | Uint8Array, status = 200, contentType = 'application/jwk-set+json'): Answer {
  return response => response.writeHead(status, { 'content-type': contentType }).end(body)
}

const keys = (...jwks: readonly object[]) => text(JSON.stringify({ keys: jwks }))

/** An issuer with a variable answer, and a key set over it. */
async function build(t: Pick<Test, 'teardown'>, first: Answer, changes: Partial<RemoteKeySetOptions> = {}) {
  const issuer = { answer: first, requests: 0 }
  const listener: RequestListener = (request, response) => {
    issuer.requests += 1
    issuer.answer(response, request)
  }
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(resolve))
  })

  const refusals: string[] = []
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/.well-known/jwks.json`
  const onRefusal = (reason: string) => refusals.push(reason)
  const keySet = createRemoteKeySet({ url, fetch, signature, algorithms: ['ES256'], onRefusal, ...changes })
  return { issuer, keySet, refusals }
}

/** Answers that must change nothing, with and without loaded keys. */
const REFUSED: Readonly<Record<string, Answer>> = {
  'a page': text('<!doctype html><title>Sign in to the Wi-Fi</title>', 200, 'text/html'),
  'a page that says it is JSON': text('<!doctype html>'),
  'keys that say they are a page': text(JSON.stringify({ keys: [two] }), 200, 'text/html'),
  'no content type': response => response.writeHead(200).end(JSON.stringify({ keys: [two] })),
  nothing: text(''),
  'half of it': text(JSON.stringify({ keys: [two] }).slice(0, -5)),
  'an array': text(JSON.stringify([two])),
  'no keys': text('{}'),
  'an empty array of keys': keys(),
  'keys that are no array': text(JSON.stringify({ keys: { 0: two, length: 1 } })),
  'keys that are no objects': text(JSON.stringify({ keys: [two, 'x'] })),
  'keys in a duplicate member': text(`{"keys":[],"keys":[${JSON.stringify(two)}]}`),
  'keys in __proto__': text(`{"__proto__":{"keys":[${JSON.stringify(two)}]}}`),
  'bytes that are not UTF-8': text(Buffer.concat([Buffer.from('{"x":"'), Buffer.of(0xff), Buffer.from('"}')])),
  'status 500': text(JSON.stringify({ keys: [two] }), 500),
  'status 404': text(JSON.stringify({ keys: [two] }), 404),
  'status 203': text(JSON.stringify({ keys: [two] }), 203),
  'a redirect': response => response.writeHead(302, { location: '/elsewhere' }).end(),
  'a redirect with keys': response =>
    response.writeHead(307, { location: '/', 'content-type': 'application/json' }).end(JSON.stringify({ keys: [two] })),
  'too long': text(JSON.stringify({ keys: [two], pad: 'x'.repeat(65_536) })),
  'too long, and its length not declared': response => {
    response.writeHead(200, { 'content-type': 'application/json' }).write(`{"pad":"${'x'.repeat(40_000)}`)
    response.end(`${'x'.repeat(40_000)}","keys":[${JSON.stringify(two)}]}`)
  },
  'one kid twice': keys(two, { ...one, kid: 'two' }),
  'one kid twice, once unusable': keys(two, { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'two' }),
  'a private key': keys(two, { ...one, d: 'A'.repeat(43) }),
  'a symmetric key': keys(two, { kty: 'oct', k: 'AAAA', kid: 'secret' }),
  'an RSA private key': keys(two, { kty: 'RSA', n: 'AQAB', e: 'AQAB', p: 'AQAB', kid: 'rsa' }),
  'only keys of other types': keys(edwards, { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'rsa' }),
  'only a point off its curve': keys({ ...two, y: 'A'.repeat(43) }),
  'a connection that is cut': response => response.destroy(),
  'a body that is cut': response => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' }).write('{"keys":[')
    response.destroy()
  }
}

t.test('find() fetches once for any number of simultaneous first lookups', async t => {
  const { issuer, keySet } = await build(t, keys(one, two))
  const found = await Promise.all(
    Array.from({ length: 50 }, (_, index) => keySet.find(index % 2 ? 'one' : 'two', T0 + index))
  )
  t.strictSame(new Set(found.map(key => key?.kid)), new Set(['one', 'two']))
  t.equal(issuer.requests, 1)
})

t.test('find() answers a known id from memory at once, however old the keys are', async t => {
  const { issuer, keySet } = await build(t, keys(one))
  await keySet.find('one', T0)
  for (const age of [0, COOLDOWN_MS, MAX_AGE_MS, 365 * 86_400_000]) {
    t.match(keySet.find('one', T0 + age), { kid: 'one', algorithm: 'ES256' }, `${age} ms old, and no promise`)
  }
  t.equal(issuer.requests, 1)
})

t.test('find() fetches for an unknown id once per cool-down, to the millisecond', async t => {
  const { issuer, keySet } = await build(t, keys(one))
  await keySet.find('one', T0)
  for (let index = 0; index < 100; index += 1) t.equal(keySet.find(`unknown-${index}`, T0 + COOLDOWN_MS - 1), undefined)
  t.equal(issuer.requests, 1, 'the first download opened the cool-down')

  issuer.answer = keys(one, two)
  t.match(await keySet.find('two', T0 + COOLDOWN_MS), { kid: 'two' })
  t.equal(issuer.requests, 2)
  t.equal(keySet.find('three', T0 + COOLDOWN_MS + 1), undefined)
  t.equal(issuer.requests, 2, 'and so did the second')
})

t.test('find() answers all lookups of a new id that arrive during its download', async t => {
  const { issuer, keySet } = await build(t, keys(one))
  await keySet.find('one', T0)
  issuer.answer = keys(two)
  const asked = Array.from({ length: 20 }, () => keySet.find('two', T0 + COOLDOWN_MS))
  t.match(keySet.find('one', T0 + COOLDOWN_MS), { kid: 'one' }, 'and lookups of a known id do not wait')
  for (const key of await Promise.all(asked)) t.equal(key?.kid, 'two')
  t.equal(issuer.requests, 2)
})

t.test('find() forgets a key that is no longer published', async t => {
  const { issuer, keySet } = await build(t, keys(one, two))
  await keySet.find('one', T0)
  issuer.answer = keys(two)
  await keySet.refreshIfStale(T0 + MAX_AGE_MS)
  t.equal(await keySet.find('one', T0 + MAX_AGE_MS + 1), undefined)
  t.match(keySet.find('two', T0 + MAX_AGE_MS + 1), { kid: 'two' })
})

t.test('find() keeps the identity of an unchanged key, and of no other', async t => {
  const { issuer, keySet } = await build(t, keys(one, two))
  const [before, other] = [await keySet.find('one', T0), await keySet.find('two', T0)]
  issuer.answer = keys({ ...one, use: 'sig', extra: true }, { ...publicJwkOf(generateSigner('ES256')), kid: 'two' })
  await keySet.refreshIfStale(T0 + MAX_AGE_MS)
  t.equal(keySet.find('one', T0), before)
  t.match(keySet.find('two', T0), { kid: 'two' })
  t.not(keySet.find('two', T0), other)
})

t.test('find() ignores keys of unknown type, use or algorithm, and keeps the rest', async t => {
  const others = [
    { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'rsa' },
    { kty: 'AKP', pub: 'AAAA', alg: 'ML-DSA-44', kid: 'pq' },
    { ...one, kid: 'enc', use: 'enc' },
    { ...one, kid: 'sign', key_ops: ['sign'] },
    { ...one, kid: 'p384', crv: 'P-384' },
    { ...one, kid: 'mismatch', alg: 'ES384' },
    { ...one, kid: 'off', y: 'A'.repeat(43) },
    { ...one, kid: 7 },
    { ...one, kid: undefined },
    { ...edwards },
    {}
  ]
  const { keySet } = await build(t, keys(...others, two))
  t.match(await keySet.find('two', T0), { kid: 'two' })
  for (const kid of ['rsa', 'pq', 'enc', 'sign', 'p384', 'mismatch', 'off', '7', 'undefined', 'edwards', '__proto__']) {
    t.equal(keySet.find(kid, T0), undefined, kid)
  }
})

t.test('find() accepts Ed25519 keys where the options name EdDSA', async t => {
  const { keySet } = await build(t, keys(one, edwards), { algorithms: ['EdDSA'] })
  t.match(await keySet.find('edwards', T0), { kid: 'edwards', algorithm: 'EdDSA' })
  t.equal(keySet.find('one', T0), undefined)
})

for (const [what, answer] of Object.entries(REFUSED)) {
  t.test(`refreshIfStale() changes nothing after ${what}`, async t => {
    const { issuer, keySet, refusals } = await build(t, keys(one))
    await keySet.find('one', T0)
    issuer.answer = answer
    await keySet.refreshIfStale(T0 + MAX_AGE_MS)
    t.equal(issuer.requests, 2)
    t.equal(refusals.length, 1, refusals.join())
    t.match(keySet.find('one', T0 + MAX_AGE_MS), { kid: 'one' })
    t.equal(keySet.find('two', T0 + MAX_AGE_MS), undefined)

    issuer.answer = keys(two)
    await keySet.refreshIfStale(T0 + MAX_AGE_MS + COOLDOWN_MS)
    t.match(keySet.find('two', T0 + MAX_AGE_MS + COOLDOWN_MS), { kid: 'two' }, 'and a good answer later is taken')
  })

  t.test(`find() rejects with KeysUnavailableError where the first answer is ${what}`, async t => {
    const { issuer, keySet, refusals } = await build(t, answer)
    await t.rejects(async () => keySet.find('two', T0), KeysUnavailableError)
    t.throws(() => keySet.find('two', T0 + 999), KeysUnavailableError)
    t.equal(issuer.requests, 1, 'and asks no more within a second')
    t.equal(refusals.length, 1)

    issuer.answer = keys(two)
    t.match(await keySet.find('two', T0 + 1000), { kid: 'two' })
  })
}

t.test('find() follows no redirect', async t => {
  const asked: string[] = []
  const { keySet } = await build(t, (response, request) => {
    asked.push(String(request.url))
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  await t.rejects(async () => keySet.find('one', T0), KeysUnavailableError)
  t.strictSame(asked, ['/.well-known/jwks.json'])
})

t.test('find() gives up on an issuer that does not answer, or does not finish', async t => {
  const silent: Readonly<Record<string, Answer>> = {
    'no answer': () => {},
    'no body': response => response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders(),
    'half a body': response => response.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":[')
  }
  for (const [what, answer] of Object.entries(silent)) {
    const { keySet, refusals } = await build(t, answer, { timeoutMs: 50 })
    await t.rejects(async () => keySet.find('one', T0), KeysUnavailableError, what)
    t.strictSame(refusals, ['no answer within 50 ms'], what)
  }
})

t.test('find() gives up on a fetch that ignores its signal', async t => {
  const { keySet } = await build(t, keys(one), { timeoutMs: 50, fetch: () => new Promise(() => {}) })
  await t.rejects(async () => keySet.find('one', T0), { message: /no answer within 50 ms/ })
})

t.test('find() accepts an answer that arrived while the process was held up past the deadline', async t => {
  const { now } = performance
  t.teardown(() => {
    performance.now = now
  })
  // The clock jumps by a minute during the download, and the answer arrives after the timer of the deadline.
  const late: RemoteKeySetOptions['fetch'] = async (url, init) => {
    performance.now = () => now.call(performance) + 60_000
    await new Promise(resolve => setTimeout(resolve, 2))
    return fetch(url, init)
  }
  const { keySet } = await build(t, keys(one), { timeoutMs: 1, fetch: late })
  t.match(await keySet.find('one', T0), { kid: 'one' })
})

t.test('find() calls fetch as a bare function, which workerd insists on', async t => {
  let calledOn: unknown = 'never'
  const bare = async function (this: unknown) {
    calledOn = this
    return Response.json({ keys: [one] })
  }
  const { keySet } = await build(t, keys(one), { fetch: bare })
  t.match(await keySet.find('one', T0), { kid: 'one' })
  t.equal(calledOn, undefined)
})

t.test('find() begins a new download where the request that began one has died', async t => {
  // A request that dies on Workers leaves its promise pending for ever; so does this import.
  let imports = 0
  const dying: SignaturePort = {
    ...signature,
    importKey: jwk => {
      imports += 1
      return imports === 1 ? new Promise(() => {}) : signature.importKey(jwk)
    }
  }
  const { issuer, keySet } = await build(t, keys(one), { signature: dying, timeoutMs: 50 })
  void keySet.find('one', T0)
  const waiting = Array.from({ length: 10 }, () => keySet.find('one', T0 + 1))
  for (const key of await Promise.all(waiting)) t.equal(key?.kid, 'one')
  t.equal(issuer.requests, 2, 'once by the dead request, once by one that waited')
})

t.test('find() does not download again for lookups that waited for a refused answer', async t => {
  const arrived = Promise.withResolvers<ServerResponse>()
  const { issuer, keySet } = await build(t, arrived.resolve)
  const first = keySet.find('one', T0)
  // Past the cool-down of an empty key set, yet within the life of the first download.
  const waiting = [1000, 2000, 3000].map(sinceMs => keySet.find('one', T0 + sinceMs))
  const response = await arrived.promise
  response.writeHead(503).end()
  for (const asked of [first, ...waiting]) await t.rejects(async () => asked, KeysUnavailableError)
  t.equal(issuer.requests, 1)
})

t.test('find() is not locked out by a clock that was set back', async t => {
  const { issuer, keySet } = await build(t, keys(one))
  await keySet.find('one', T0)
  issuer.answer = keys(two)
  t.match(await keySet.find('two', T0 - 3_600_000), { kid: 'two' })
  t.equal(issuer.requests, 2)
})

t.test('refreshIfStale() begins a download when the keys are as old as allowed, and not before', async t => {
  const { issuer, keySet } = await build(t, keys(one))
  await keySet.find('one', T0)
  t.equal(keySet.refreshIfStale(T0 + MAX_AGE_MS - 1), undefined)
  const refresh = keySet.refreshIfStale(T0 + MAX_AGE_MS)
  t.equal(keySet.refreshIfStale(T0 + MAX_AGE_MS), undefined, 'one pending download is enough')
  t.match(keySet.find('one', T0 + MAX_AGE_MS), { kid: 'one' }, 'the old keys serve meanwhile')
  await refresh
  t.equal(issuer.requests, 2)
  t.equal(keySet.refreshIfStale(T0 + 2 * MAX_AGE_MS - 1), undefined)
})

t.test('refreshIfStale() tries a failing issuer once per cool-down', async t => {
  const { issuer, keySet } = await build(t, keys(one))
  await keySet.find('one', T0)
  issuer.answer = text('', 503)
  await keySet.refreshIfStale(T0 + MAX_AGE_MS)
  t.equal(keySet.refreshIfStale(T0 + MAX_AGE_MS + COOLDOWN_MS - 1), undefined)
  t.ok(await keySet.refreshIfStale(T0 + MAX_AGE_MS + COOLDOWN_MS)?.then(() => true))
  t.equal(issuer.requests, 3)
})

t.test('refreshIfStale() loads the first keys as well, and never rejects', async t => {
  const { issuer, keySet } = await build(t, text('', 503))
  await t.resolves(keySet.refreshIfStale(T0) ?? Promise.reject(new Error('nothing was begun')))
  issuer.answer = keys(one)
  await keySet.refreshIfStale(T0 + 1000)
  t.match(keySet.find('one', T0 + 1000), { kid: 'one' })
})

t.test('createRemoteKeySet() refuses a URL that it could not fetch', async t => {
  for (const url of ['', '/jwks.json', 'auth.example.com', 'file:///etc/passwd', 'data:application/json,{}']) {
    t.throws(() => createRemoteKeySet({ url, fetch, signature, algorithms: ['ES256'] }), TypeError, url)
  }
})

t.test('createRemoteKeySet() accepts http on loopback only', async t => {
  const open = (url: string) => createRemoteKeySet({ url, fetch, signature, algorithms: ['ES256'] })
  for (const host of [
    'localhost',
    'LOCALHOST',
    'auth.localhost',
    '127.0.0.1',
    '127.0.0.53',
    '127.1',
    '[::1]',
    '[0:0::1]'
  ])
    t.ok(open(`http://${host}:3000/jwks.json`), host)
  for (const host of [
    'auth.example.com',
    '10.0.0.1',
    '0.0.0.0',
    '[::]',
    '[::ffff:127.0.0.1]',
    'localhost.example.com',
    'notlocalhost',
    '127.0.0.1.example.com',
    '127.0.0.1@auth.example.com'
  ]) {
    const url = `http://${host}/jwks.json`
    t.throws(() => open(url), { name: 'TypeError', message: `on loopback, found "${url}"` }, host)
    t.ok(open(url.replace('http:', 'https:')), 'by https')
  }
})

t.test('key sets refuse an unknown option, and name it', async t => {
  const misspelt = { cooldown: 1, url: 'https://x', fetch, signature, algorithms: ['ES256'] as const }
  t.throws(() => createRemoteKeySet(misspelt), { name: 'TypeError', message: /"cooldown" is not an option/ })
  const options = { keys: [one], signature, jwks: [] }
  t.throws(() => createInlineKeySet(options), { name: 'TypeError', message: /"jwks" is not an option/ })
})

t.test('createInlineKeySet() finds the given keys, and no others', async t => {
  const { find } = createInlineKeySet({ keys: [one, edwards], signature })
  t.match(await find('one', T0), { kid: 'one', algorithm: 'ES256' })
  t.match(await find('edwards', T0), { kid: 'edwards', algorithm: 'EdDSA' })
  t.match(find('one', T0), { kid: 'one' }, 'the second time at once')
  for (const kid of ['two', '', '__proto__', 'constructor']) t.equal(find(kid, T0), undefined, kid)
})

t.test('createInlineKeySet() refuses unusable keys', async t => {
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    'no key': [],
    'a private key': [{ ...one, d: 'A'.repeat(43) }],
    'a symmetric key': [{ kty: 'oct', k: 'AAAA', kid: 'k' }],
    'one kid twice': [one, { ...two, kid: 'one' }],
    'a key without kid': [{ ...one, kid: undefined }],
    'a key for encryption': [{ ...one, use: 'enc' }],
    'no object': [null]
  }
  for (const [what, jwks] of Object.entries(wrong)) {
    t.throws(
      () => createInlineKeySet({ keys: jwks as PublicJwk[], signature }),
      { name: 'TypeError', message: /^Cannot create a key set/ },
      what
    )
  }
})
