/** Edges in workerd, and what they need around them where the origin is not what is measured. */

import { randomBytes, randomUUID } from 'node:crypto'
import { createRevocationFeed, type RevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { type Endpoints, openRedisAndMailbox, type RedisAndMailbox } from './engines.ts'
import { openNodeProcess } from './node-process.ts'
import type { Scope } from './scenario.ts'
import { createTokenSource, ISSUER, type TokenSource } from './tokens.ts'

export type Bindings = Readonly<Record<string, string>>

/** Wider than any load reaches, where quotas are not what is measured. */
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

/** Redis, an origin that always answers the same, and tokens under a key that it publishes. */
export interface EdgeSetup extends RedisAndMailbox {
  readonly origin: ConstantOrigin
  readonly source: TokenSource
  readonly feed: RevocationFeed
  /** Of an edge that was given its keys, before this origin. */
  readonly bindings: Bindings
}

/** Opens all of them, each in a process of its own; they end with the scope. */
export async function openEdgeSetup(scope: Scope): Promise<EdgeSetup> {
  const services = await openRedisAndMailbox(scope)
  const source = createTokenSource()
  const jwks = JSON.stringify({ keys: [source.material.jwk] })
  const origin = await openConstantOrigin(jwks, scope)
  const { redisUrl: url, redisToken: token } = services
  const feed = createRevocationFeed(openRedis({ url, token, deadlineMs: 5_000 }), 960_000)
  // Else the edge would know that Redis cannot tell it who has logged out, and refuse everybody.
  await feed.rebuild(randomUUID(), async () => [])
  const bindings = edgeBindings({ ...services, originUrl: origin.url, publicUrl: ISSUER })
  return { ...services, origin, source, feed, bindings: { ...bindings, JWKS: jwks } }
}

/** Opens an origin that always answers the same; it ends with the scope. */
export async function openConstantOrigin(jwks: string, scope: Scope): Promise<ConstantOrigin> {
  const file = new URL('../processes/constant-origin.ts', import.meta.url)
  const child = scope.closing(await openNodeProcess({ file }))
  return { url: await child.ask<string>({ jwks } satisfies ConstantOriginQuestion), pid: child.pid }
}

/** The settings of an edge, with quotas that nobody reaches. */
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
