/** Binds a Worker's environment to the gateway's ports: the only file that knows Cloudflare. */

import { CLOCK_SKEW_SECONDS } from './contract/claims.ts'
import { gatehouseRoutes } from './contract/policies.ts'
import { uuidV7 } from './contract/uuid.ts'
import { createGateway, type Gateway } from './gateway.ts'
import { createRedisLimiter } from './limiter/redis-limiter.ts'
import { createRefuse } from './respond.ts'
import { createRevocationFeed } from './revocation/revocation-feed.ts'
import { createRevocationView } from './revocation/revocation-view.ts'
import { type EdgeSettings, parseEdgeSettings } from './settings.ts'
import { createHopSigner } from './sign-hop.ts'
import { openRedis } from './store/open-redis.ts'
import { createRemoteKeySet, type RemoteKeySet } from './verifier/key-set.ts'
import { createTokenVerifier } from './verifier/verify-token.ts'
import { createWebCryptoSignaturePort } from './verifier/webcrypto-signature.ts'

/** What of a Worker's context we use. */
interface Context {
  waitUntil(promise: Promise<unknown>): void
}

type Env = Readonly<Record<string, unknown>>

/** One deployment, kept for the life of the isolate. Only plain data is shared between requests. */
interface Deployment {
  readonly gateway: Gateway
  readonly keys: RemoteKeySet
  readonly settings: EdgeSettings
}

const ORIGIN_DEADLINE_MS = 15_000

let deployment: Deployment | undefined

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    deployment ??= deploy(env)
    if (deployment === undefined) return refuseEverything()
    const { gateway, keys, settings } = deployment

    const refresh = keys.refreshIfStale(Date.now())
    if (refresh !== undefined) context.waitUntil(refresh)
    // Cloudflare sets this header itself and overwrites a client's own.
    const clientAddress = request.headers.get('cf-connecting-ip') ?? settings.fallbackClientAddress
    return gateway(request, clientAddress)
  }
}

function deploy(env: Env): Deployment | undefined {
  const parsed = parseEdgeSettings(env)
  if (!parsed.ok) {
    log({ level: 'error', event: 'misconfigured', reason: parsed.reason })
    return undefined
  }
  const { settings } = parsed
  const keys = remoteKeys(settings)
  return { settings, keys, gateway: openGateway(settings, keys) }
}

function remoteKeys(settings: EdgeSettings): RemoteKeySet {
  return createRemoteKeySet({
    url: settings.jwksUrl,
    fetch: (input, init) => fetch(input, init),
    signature: createWebCryptoSignaturePort(),
    algorithms: ['ES256']
  })
}

function openGateway(settings: EdgeSettings, keys: RemoteKeySet): Gateway {
  const redis = openRedis({ url: settings.redisUrl, token: settings.redisToken })
  const onStoreFailure = (error: Error) => log({ level: 'warn', event: 'store-failed', reason: error.message })
  const retentionMs = (settings.accessTokenTtlSeconds + 60) * 1000

  return createGateway({
    ...settings,
    originDeadlineMs: ORIGIN_DEADLINE_MS,
    routes: gatehouseRoutes(settings.apiPrefix),
    verifier: createTokenVerifier({
      issuer: settings.publicUrl,
      audience: settings.tokenAudience,
      algorithms: ['ES256'],
      keys,
      signature: createWebCryptoSignaturePort(),
      maxLifeSeconds: settings.accessTokenTtlSeconds,
      clockSkewSeconds: CLOCK_SKEW_SECONDS
    }),
    limiter: createRedisLimiter({ redis, floorShare: 0.1, floorSubjects: 10_000, backOffMs: 1000, onStoreFailure }),
    revocation: createRevocationView({
      feed: createRevocationFeed(redis, retentionMs),
      freshMs: 0,
      retentionMs,
      onStoreFailure
    }),
    signHop: createHopSigner(settings.edgeSecret),
    fetch: request => fetch(request),
    nowMs: () => Date.now(),
    createRequestId: () => uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10))),
    log: event => log({ level: event.code === 'internal' || event.code === 'unavailable' ? 'warn' : 'debug', ...event })
  })
}

/** Security: a Worker that lacks a setting is closed, never an open door. */
function refuseEverything(): Response {
  return createRefuse('')('unavailable', uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10))), undefined, {
    'retry-after': '60'
  })
}

function log(entry: { level: 'debug' | 'warn' | 'error'; [member: string]: unknown }): void {
  // A refusal is the client's affair and would be a line for each request of an attack.
  if (entry.level === 'debug') return
  // biome-ignore lint/suspicious/noConsole: the console is a Worker's log.
  console[entry.level](JSON.stringify(entry))
}
