/** The lifetimes of published keys agree: origin, caches, edge, rotation, revocation and documents. */

import { readFile } from 'node:fs/promises'
import Fastify from 'fastify'
import t from 'tap'
import {
  EDGE_JWKS_CACHE_SECONDS,
  JWKS_MAX_AGE_SECONDS,
  KEY_PROPAGATION_SECONDS,
  KEY_REFRESH_SECONDS
} from '../../../edge/contract/key-lifetimes.ts'
import { revocationRetentionMs } from '../../../edge/revocation/lifetimes.ts'
import { createRemoteKeySet } from '../../../edge/verifier/remote-key-set.ts'
import { discoveryRoutes } from '../../../server/features/discovery/routes.ts'
import { KNOWN_EVERYWHERE_MS } from '../../../server/features/keys/rotation.ts'
import { keyRoutes } from '../../../server/features/keys/routes.ts'
import type { KeysService } from '../../../server/features/keys/service.ts'
import { createNodeSignaturePort } from '../../../server/lib/crypto/node-signature.ts'
import { publicDocuments } from '../../../server/plugins/public-documents.ts'
import { generateSigner, publicJwkOf } from '../../lib/token-forge.ts'

const T0 = 1_800_000_000_000
const PROPAGATION_MS = KEY_PROPAGATION_SECONDS * 1000

/** A verifier behind a cache, which keeps each answer for the whole `max-age`. */
function buildVerifier(publishedAt: (nowMs: number) => readonly object[]) {
  let cached: { readonly untilMs: number; readonly body: string } | undefined
  let clockMs = T0
  const fetch = async () => {
    if (cached === undefined || clockMs >= cached.untilMs)
      cached = {
        untilMs: clockMs + JWKS_MAX_AGE_SECONDS * 1000,
        body: JSON.stringify({ keys: publishedAt(clockMs) })
      }
    return new Response(cached.body, { headers: { 'content-type': 'application/json' } })
  }
  const url = 'https://auth.example.com/.well-known/jwks.json'
  const keys = createRemoteKeySet({ url, fetch, signature: createNodeSignaturePort(), algorithms: ['ES256'] })
  return {
    /** The request of another client fills the cache. */
    fillCache: (nowMs: number) => {
      clockMs = nowMs
      return fetch()
    },
    /** A request at the verifier renews keys that are due. @returns those of `kids` that are known after it */
    request: async (nowMs: number, kids: readonly string[]) => {
      clockMs = nowMs
      await keys.refreshIfStale(nowMs)
      const found = await Promise.all(kids.map(kid => keys.find(kid, nowMs)))
      return kids.filter((_, index) => found[index] !== undefined)
    }
  }
}

const [old, next] = [publicJwkOf(generateSigner('ES256', 'old')), publicJwkOf(generateSigner('ES256', 'next'))]

t.test('a change of the published keys reaches a verifier behind a cache within the stated time', async t => {
  for (const readAfterMs of [1, 1_000, 150_000, JWKS_MAX_AGE_SECONDS * 1000 - 1, JWKS_MAX_AGE_SECONDS * 1000]) {
    const changedAtMs = T0 + 1
    const verifier = buildVerifier(nowMs => (nowMs < changedAtMs ? [old] : [next]))
    await verifier.fillCache(T0)
    const readAtMs = T0 + readAfterMs
    await verifier.request(readAtMs, [])
    t.strictSame(await verifier.request(changedAtMs + PROPAGATION_MS, ['old', 'next']), ['next'], `${readAfterMs} ms`)
  }
})

t.test('createRemoteKeySet() renews its keys at the stated age by default', async t => {
  const verifier = buildVerifier(() => [old])
  await verifier.request(T0, ['old'])
  const keys = createRemoteKeySet({
    url: 'https://auth.example.com/keys',
    fetch: async () =>
      new Response(JSON.stringify({ keys: [old] }), { headers: { 'content-type': 'application/json' } }),
    signature: createNodeSignaturePort(),
    algorithms: ['ES256']
  })
  await keys.find('old', T0)
  t.equal(keys.refreshIfStale(T0 + KEY_REFRESH_SECONDS * 1000 - 1), undefined)
  t.ok(await keys.refreshIfStale(T0 + KEY_REFRESH_SECONDS * 1000)?.then(() => true))
})

t.test('the origin publishes keys and metadata with the stated max-age', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.addSchema({ $id: 'Problem', type: 'object' })
  await app.register(publicDocuments)
  await app.register(keyRoutes, { keys: { jwks: () => ({ keys: [] }) } as unknown as KeysService })
  await app.register(discoveryRoutes, {
    publicUrl: 'https://auth.example.com',
    securityContact: undefined,
    nowMs: () => T0
  })
  for (const path of ['jwks.json', 'oauth-authorization-server', 'openid-configuration']) {
    const { headers } = await app.inject(`/.well-known/${path}`)
    t.match(headers['cache-control'], new RegExp(`\\bmax-age=${JWKS_MAX_AGE_SECONDS}$`), path)
  }
})

t.test('rotation, revocation and caches agree with the time that a change takes', async t => {
  t.equal(KNOWN_EVERYWHERE_MS, PROPAGATION_MS, 'the next key signs once every verifier can know it')
  t.ok(revocationRetentionMs(1) > PROPAGATION_MS, 'a removed key is named until no cache holds it')
  t.ok(revocationRetentionMs(86_400) > 86_400_000, 'an ended session is named until its last token has expired')
  t.ok(EDGE_JWKS_CACHE_SECONDS <= JWKS_MAX_AGE_SECONDS, 'no cache of ours keeps more than the origin allows')
})

t.test('the documents state the same times', async t => {
  const marginSeconds = revocationRetentionMs(0) / 1000 - KEY_PROPAGATION_SECONDS
  const expected = `max(\`ACCESS_TOKEN_TTL\`, ${KEY_PROPAGATION_SECONDS}) + ${marginSeconds} seconds`
  for (const path of ['edge/README.md', 'SECURITY.md'])
    t.match(await readFile(new URL(`../../../${path}`, import.meta.url), 'utf8'), expected, path)
})
