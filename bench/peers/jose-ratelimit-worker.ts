/**
 * An edge built of jose and @upstash/ratelimit: it verifies the token as `jose.ts` does, charges one quota by address and
 * one by user, and forwards the request.
 *
 * @upstash/ratelimit is set up as its documentation says (upstash.com/docs/redis/sdks/ratelimit-ts: Getting Started,
 * Features): the sliding window, limiters and ephemeral caches outside the handler, `pending` passed to `waitUntil`, a
 * prefix for each limit. Both quotas are charged at once, which the Redis client sends in one round trip. Analytics and
 * telemetry are off. It does not check revocation and signs nothing.
 */

import { Ratelimit } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis/cloudflare'
import type { JWTVerifyResult } from 'jose'
import type { TokenMaterial } from '../lib/tokens.ts'
import { createJose } from './jose.ts'
import type { Verify } from './verifier.ts'

interface Env {
  readonly ORIGIN_URL: string
  readonly UPSTASH_REDIS_REST_URL: string
  readonly UPSTASH_REDIS_REST_TOKEN: string
  /** A `TokenMaterial` as JSON. */
  readonly MATERIAL: string
  readonly REQUESTS_PER_MINUTE: string
}

interface Context {
  waitUntil(work: Promise<unknown>): void
}

interface Parts {
  readonly verify: Verify
  readonly byAddress: Ratelimit
  readonly byUser: Ratelimit
}

const addressCache = new Map<string, number>()
const userCache = new Map<string, number>()
let parts: Parts | undefined

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    parts ??= await createParts(env)
    const [scheme, token] = (request.headers.get('authorization') ?? '').split(' ')
    if (scheme !== 'Bearer' || token === undefined) return refuse(401)
    let sub: string
    try {
      const { payload } = (await parts.verify(token)) as JWTVerifyResult
      sub = payload.sub ?? ''
    } catch {
      return refuse(401)
    }
    const limits = await Promise.all([
      parts.byAddress.limit(request.headers.get('cf-connecting-ip') ?? '192.0.2.1'),
      parts.byUser.limit(sub)
    ])
    for (const { pending } of limits) context.waitUntil(pending)
    if (limits.some(({ success }) => !success)) return refuse(429)
    const { pathname, search } = new URL(request.url)
    return fetch(new Request(env.ORIGIN_URL + pathname + search, request))
  }
}

async function createParts(env: Env): Promise<Parts> {
  const redis = Redis.fromEnv({ ...env, UPSTASH_DISABLE_TELEMETRY: 'true' })
  const limiter = Ratelimit.slidingWindow(Number(env.REQUESTS_PER_MINUTE), '1 m')
  return {
    verify: await createJose(JSON.parse(env.MATERIAL) as TokenMaterial),
    byAddress: new Ratelimit({ redis, limiter, prefix: 'address', ephemeralCache: addressCache }),
    byUser: new Ratelimit({ redis, limiter, prefix: 'user', ephemeralCache: userCache })
  }
}

function refuse(status: number): Response {
  return Response.json({ status }, { status })
}
