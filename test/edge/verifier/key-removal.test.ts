/** Keys that are removed in an emergency, and keys too old to have heard of a removal. */

import t from 'tap'
import { createInlineKeySet } from '../../../edge/verifier/inline-key-set.ts'
import { KeysUnavailableError } from '../../../edge/verifier/key-source.ts'
import type { PublicJwk } from '../../../edge/verifier/public-jwk.ts'
import { createRemoteKeySet, type RemoteKeySetOptions } from '../../../edge/verifier/remote-key-set.ts'
import type { SignaturePort } from '../../../edge/verifier/signature-port.ts'
import { createNodeSignaturePort } from '../../../server/lib/crypto/node-signature.ts'
import { generateSigner, publicJwkOf } from '../../lib/token-forge.ts'

const signature = createNodeSignaturePort()
const [one, two] = [publicJwkOf(generateSigner('ES256', 'one')), publicJwkOf(generateSigner('ES256', 'two'))]
const T0 = 1_800_000_000_000
const COOLDOWN_MS = 30_000
const MAX_AGE_MS = 300_000

/** An issuer under control of the test: its published keys, and the time of its answer. */
function build(published: readonly PublicJwk[], changes: Partial<RemoteKeySetOptions> = {}) {
  const issuer = { published, requests: 0, arrival: Promise.resolve() }
  const keySet = createRemoteKeySet({
    url: 'https://issuer.test/jwks.json',
    fetch: async () => {
      issuer.requests += 1
      const answer = Response.json({ keys: issuer.published })
      await issuer.arrival
      return answer
    },
    signature,
    algorithms: ['ES256'],
    ...changes
  })
  return { issuer, keySet }
}

t.test('a removed key is not found from then on, and no other key is lost', async t => {
  const { issuer, keySet } = build([one, two])
  await keySet.find('one', T0)
  keySet.remove('one')
  t.equal(keySet.find('one', T0), undefined, 'and no promise')
  t.match(keySet.find('two', T0), { kid: 'two' })
  t.equal(issuer.requests, 1)
})

t.test('a removed key stays removed even if a cache still serves it', async t => {
  const { issuer, keySet } = build([one, two])
  await keySet.find('one', T0)
  keySet.remove('one')
  for (let i = 1; i <= 3; i++) {
    const nowMs = T0 + i * (MAX_AGE_MS + COOLDOWN_MS)
    await keySet.refreshIfStale(nowMs)
    t.equal(await keySet.find('one', nowMs), undefined)
    t.match(keySet.find('two', nowMs), { kid: 'two' })
  }
  t.equal(issuer.requests, 4)
})

t.test('a removal during a download is not undone by it', async t => {
  const arrived = Promise.withResolvers<void>()
  const { issuer, keySet } = build([one, two])
  await keySet.find('one', T0)
  issuer.arrival = arrived.promise
  const refreshing = keySet.refreshIfStale(T0 + MAX_AGE_MS)
  const asking = keySet.find('three', T0 + MAX_AGE_MS)
  keySet.remove('one')
  arrived.resolve()
  await Promise.all([refreshing, asking])
  t.equal(keySet.find('one', T0 + MAX_AGE_MS), undefined)
  t.match(keySet.find('two', T0 + MAX_AGE_MS), { kid: 'two' })
})

t.test('a removal during the first download, and during an import, is not undone either', async t => {
  const [arrived, imported] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const slow: SignaturePort = {
    ...signature,
    importKey: async jwk => {
      await imported.promise
      return signature.importKey(jwk)
    }
  }
  const { issuer, keySet } = build([one, two], { signature: slow })
  issuer.arrival = arrived.promise
  const [first, second] = [keySet.find('one', T0), keySet.find('two', T0)]
  keySet.remove('one')
  arrived.resolve()
  await new Promise(resolve => setImmediate(resolve))
  keySet.remove('two')
  imported.resolve()
  // Without any key, no token can be verified.
  await t.rejects(async () => first, KeysUnavailableError)
  await t.rejects(async () => second, KeysUnavailableError)
  t.equal(keySet.find('one', T0), undefined)
  t.equal(keySet.find('two', T0), undefined)
})

t.test('the replacement of a removed key is fetched soon: the keys are stale at once', async t => {
  const { issuer, keySet } = build([one])
  await keySet.find('one', T0)
  t.equal(keySet.refreshIfStale(T0 + COOLDOWN_MS), undefined)
  keySet.remove('one')
  issuer.published = [two]
  t.equal(keySet.refreshIfStale(T0 + 999), undefined, 'the last download was only just')
  await keySet.refreshIfStale(T0 + COOLDOWN_MS)
  t.match(keySet.find('two', T0 + COOLDOWN_MS), { kid: 'two' })
})

t.test('a key that was removed before it was loaded is never found', async t => {
  const { keySet } = build([one, two])
  keySet.remove('one')
  t.equal(keySet.find('one', T0), undefined)
  t.match(await keySet.find('two', T0), { kid: 'two' })
  t.equal(await keySet.find('one', T0), undefined)
})

t.test('dropOlderThan() drops keys that are older, to the millisecond, and fetches anew', async t => {
  const { issuer, keySet } = build([one])
  await keySet.find('one', T0)
  issuer.published = [two]
  keySet.dropOlderThan(960_000, T0 + 960_000)
  t.match(keySet.find('one', T0 + 960_000), { kid: 'one' })
  keySet.dropOlderThan(960_000, T0 + 960_001)
  t.equal(await keySet.find('one', T0 + 960_001), undefined, 'it is no longer published')
  t.match(keySet.find('two', T0 + 960_001), { kid: 'two' })
  t.equal(issuer.requests, 2)
})

t.test('dropOlderThan() ignores the cool-down, and does nothing without keys', async t => {
  const { issuer, keySet } = build([one])
  keySet.dropOlderThan(0, T0)
  const [first, second] = [keySet.find('one', T0), keySet.find('one', T0)]
  keySet.dropOlderThan(0, T0)
  await Promise.all([first, second])
  t.equal(issuer.requests, 1, 'a first download goes on')
  keySet.dropOlderThan(0, T0 + 1)
  t.match(await keySet.find('one', T0 + 1), { kid: 'one' })
  t.equal(issuer.requests, 2)
})

t.test('dropOlderThan() does not forget a removal', async t => {
  const { keySet } = build([one, two])
  await keySet.find('one', T0)
  keySet.remove('one')
  keySet.dropOlderThan(0, T0 + 1)
  t.match(await keySet.find('two', T0 + 1), { kid: 'two' })
  t.equal(await keySet.find('one', T0 + 1), undefined)
})

t.test('an inline key can be removed, even during its import', async t => {
  const keySet = createInlineKeySet({ keys: [one, two], signature })
  const importing = keySet.find('one', T0)
  keySet.remove('one')
  t.equal(await importing, undefined)
  t.equal(keySet.find('one', T0), undefined)
  t.match(await keySet.find('two', T0), { kid: 'two' })
  keySet.remove('two')
  t.equal(keySet.find('two', T0), undefined)
  keySet.remove('never there')
})
