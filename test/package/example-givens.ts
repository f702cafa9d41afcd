/** The names that the examples of the public functions use. Requests to example.com are answered without a network. */

import { createAdmission, createForward, createHopSigner, openRedis, parsePolicies } from '../../edge/index.ts'
import { createRevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { createRevocationView } from '../../edge/revocation/revocation-view.ts'
import { createInlineKeySet, createTokenVerifier, createWebCryptoSignaturePort } from '../../edge/verifier/index.ts'
import { openEngineBackend, openRedisRest } from '../../local/redis-rest.ts'
import { claimsOf, generateSigner, issueToken, publicJwkOf } from '../../local/token-forge.ts'

const backend = await openEngineBackend()
const rest = await openRedisRest({ backend, token: 'a token of the test' })
const signer = generateSigner('ES256')
const signature = createWebCryptoSignaturePort()
// A deadline that a busy machine keeps, too: the examples do not show speed.
export const redis = openRedis({ url: rest.url, token: 'a token of the test', deadlineMs: 20_000 })
await createRevocationFeed(redis, 960_000).rebuild('0199a8d4-1c00-7000-8000-0000000000d4', async () => [])

/** Closes the opened resources. */
export async function close(): Promise<void> {
  await rest.close()
  await backend.close()
}

export const issuer = 'https://auth.example.com'
export const audience = 'https://api.example.com'
export const jwksUrl = `${issuer}/.well-known/jwks.json`
export const jwk = publicJwkOf(signer)
export const token = issueToken(signer, claimsOf({ issuer, audience, nowSeconds: Math.floor(Date.now() / 1000) }))
export const env = {
  EDGE_SECRET: 'a secret of at least thirty-two bytes',
  UPSTASH_REDIS_REST_URL: rest.url,
  UPSTASH_REDIS_REST_TOKEN: 'a token of the test'
}
export const context = { waitUntil: (_work: Promise<unknown>): void => {} }
export const keys = createInlineKeySet({ keys: [jwk], signature })

/** The issuer publishes its keys, the origin answers 200, and every other host is unreachable. */
export async function fetch(input: string | Request, _init?: RequestInit): Promise<Response> {
  const { href, hostname } = new URL(typeof input === 'string' ? input : input.url)
  if (href === jwksUrl) return Response.json({ keys: [jwk] })
  if (hostname === 'origin.example.com') return new Response('ok')
  throw new TypeError(`the example asked for "${href}"`)
}

const parsed = parsePolicies({
  quotas: { address: { by: 'address', limit: '300/60' } },
  routes: [{ path: '/*', methods: 'any', token: 'required', quotas: ['address'], onStoreFailure: 'fallback' }]
})
if (!parsed.ok) throw new Error(parsed.reason)
export const policies = parsed.value
export const verifier = createTokenVerifier({
  issuer,
  audience,
  algorithms: ['ES256'],
  keys: createInlineKeySet({ keys: [jwk], signature }),
  signature,
  maxLifeSeconds: 900,
  clockSkewSeconds: 5
})
export const admission = createAdmission({
  redis,
  view: createRevocationView({ maxAgeMs: 1_000, retentionMs: 960_000, onKeyRemoved: () => {} }),
  nowMs: Date.now,
  maxSubjects: 10,
  fallbackShare: 0.1,
  breakerResetMs: 250,
  onStoreFailure: () => {}
})
export const forward = createForward({
  originUrl: 'https://origin.example.com',
  deadlineMs: 15_000,
  signHop: createHopSigner(env.EDGE_SECRET),
  fetch,
  nowMs: Date.now
})
