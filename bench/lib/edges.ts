/** The services around an edge when the origin itself is not measured. Starting a Worker is left to `worker.ts`. */

import { randomBytes, randomUUID } from 'node:crypto'
import { createRevocationFeed, type RevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { type Endpoints, openRedisAndMailbox, type RedisAndMailbox } from './engines.ts'
import { openNodeProcess } from './node-process.ts'
import type { Scope } from './scenario.ts'
import { createTokenSource, ISSUER, type TokenSource } from './tokens.ts'

/** The settings of a Worker. */
export type Bindings = Readonly<Record<string, string>>

/** Wider than any load reaches, for scenarios that do not measure quotas. */
export const WIDE_QUOTA = '1000000/60'

/** What the process of a constant origin is asked; it answers with its URL. */
export interface ConstantOriginQuestion {
  /** The JSON Web Key Set that it publishes, as text. */
  readonly jwks: string
}

/** An origin that gives every request the same answer. */
export interface ConstantOrigin {
  readonly url: string
  readonly pid: number
}

/** Redis, a constant origin, and tokens under a key that this origin publishes. */
export interface EdgeSetup extends RedisAndMailbox {
  readonly origin: ConstantOrigin
  readonly source: TokenSource
  readonly feed: RevocationFeed
  /** The settings of an edge in front of this origin, keys included. */
  readonly bindings: Bindings
}

/** Opens the setup, each part in a process of its own. They end with the scope. */
export async function openEdgeSetup(scope: Scope): Promise<EdgeSetup> {
  const services = await openRedisAndMailbox(scope)
  const source = createTokenSource()
  const jwks = JSON.stringify({ keys: [source.material.jwk] })
  const origin = await openConstantOrigin(jwks, scope)
  const { redisUrl: url, redisToken: token } = services
  const feed = createRevocationFeed(openRedis({ url, token, deadlineMs: 5_000 }), 960_000)
  // Without a rebuilt revocation set the edge refuses every token: it cannot know which sessions have ended.
  await feed.rebuild(randomUUID(), async () => [])
  const bindings = edgeBindings({ ...services, originUrl: origin.url, publicUrl: ISSUER })
  return { ...services, origin, source, feed, bindings: { ...bindings, JWKS: jwks } }
}

/** Opens a constant origin. It ends with the scope. */
export async function openConstantOrigin(jwks: string, scope: Scope): Promise<ConstantOrigin> {
  const file = new URL('../processes/constant-origin.ts', import.meta.url)
  const child = scope.closing(await openNodeProcess({ file }))
  return { url: await child.ask<string>({ jwks } satisfies ConstantOriginQuestion), pid: child.pid }
}

/** The settings of an edge, with quotas that no load reaches. */
export function edgeBindings(around: {
  readonly originUrl: string
  readonly publicUrl: string
  readonly redisUrl: Endpoints['redisUrl']
  readonly redisToken: Endpoints['redisToken']
  readonly edgeSecret?: string
}): Bindings {
  return {
    PUBLIC_URL: around.publicUrl,
    ORIGIN_URL: around.originUrl,
    EDGE_SECRET: around.edgeSecret ?? randomBytes(32).toString('hex'),
    UPSTASH_REDIS_REST_URL: around.redisUrl,
    UPSTASH_REDIS_REST_TOKEN: around.redisToken,
    FALLBACK_CLIENT_ADDRESS: '192.0.2.1',
    EDGE_QUOTA_ADDRESS: WIDE_QUOTA,
    EDGE_QUOTA_AUTH: WIDE_QUOTA,
    EDGE_QUOTA_USER: WIDE_QUOTA
  }
}
