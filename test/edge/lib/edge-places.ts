/** The two places where tests run the Worker, Node and workerd, with the same bindings. */

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRevocationFeed } from '../../../edge/revocation/revocation-feed.ts'
import { openRedis } from '../../../edge/store/open-redis.ts'
import { openLocalEdge } from '../../../local/edge.ts'
import { reservePort } from '../../../local/free-ports.ts'
import type { RedisRest } from '../../../local/redis-rest.ts'
import { claimsOf, generateSigner, issueToken, publicJwkOf, type Signer } from '../../../local/token-forge.ts'
import { redisEndpoint, type Teardown, temporaryDir } from '../../lib/test-engines.ts'
import { TEST_SETTINGS } from '../../lib/test-origin.ts'
import { openTinyOrigin, type TinyOrigin } from './tiny-origin.ts'

/** The settings of the origins under test, so that an edge can be in front of one of them. */
export const { PUBLIC_URL, EDGE_SECRET } = TEST_SETTINGS

type Bindings = Readonly<Record<string, string>>

/** The Worker, running. */
export interface Edge {
  /** The base of every URL. */
  readonly url: string
  /** The output of workerd, oldest line first; empty in Node, which prints to the test's output. */
  readonly log: readonly string[]
  send(path: string, init?: RequestInit & { duplex?: 'half' }): Promise<Response>
}

/** A place where the Worker can run. */
export interface Place {
  readonly name: 'Node' | 'workerd'
  /** @param entry the module of the Worker; by default Gatehouse's own */
  open(t: Teardown, bindings: Bindings, entry?: URL): Promise<Edge>
}

export const NODE: Place = { name: 'Node', open: async (_t, bindings, entry) => openInNode(bindings, entry) }
export const WORKERD: Place = { name: 'workerd', open: openInWorkerd }
export const PLACES: readonly Place[] = [NODE, WORKERD]

/** A Worker in front of a backend that accepts bodies of any size, except on `/limited`. */
export const UPLOAD_WORKER = new URL('upload-worker.ts', import.meta.url)

/** The parts around an edge. */
export interface Surroundings {
  readonly origin: TinyOrigin
  readonly redis: RedisRest
  readonly signer: Signer
  readonly bindings: Bindings
  /** A genuine token of a new session. */
  token(changes?: object): string
}

/** Opens an origin that publishes a key, and a Redis with a complete and empty revocation feed. */
export async function openSurroundings(t: Teardown): Promise<Surroundings> {
  const signer = generateSigner('ES256')
  const [origin, redis] = await Promise.all([openTinyOrigin(t, [publicJwkOf(signer)]), redisEndpoint(t)])
  // A long deadline: a busy machine must not fail the preparation of a test.
  const feed = createRevocationFeed(openRedis({ ...redis, deadlineMs: 30_000 }), 960_000)
  await feed.rebuild(randomUUID(), async () => [])
  const who = { issuer: PUBLIC_URL, audience: PUBLIC_URL }
  return {
    origin,
    redis,
    signer,
    bindings: edgeBindings(origin.url, redis),
    token: changes => {
      const claims = claimsOf({ ...who, nowSeconds: Math.floor(Date.now() / 1000) })
      return issueToken(signer, { ...claims, sub: randomUUID(), sid: randomUUID(), ...changes })
    }
  }
}

/** The settings of an edge over these parts. */
export function edgeBindings(originUrl: string, redis: { url: string; token: string }): Bindings {
  return {
    PUBLIC_URL,
    ORIGIN_URL: originUrl,
    EDGE_SECRET,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    FALLBACK_CLIENT_ADDRESS: '127.0.0.1'
  }
}

interface WorkerModule {
  readonly default: {
    fetch(request: Request, env: Bindings, context: { waitUntil(work: Promise<unknown>): void }): Promise<Response>
  }
}

const OWN_ENTRY = new URL('../../../edge/worker.ts', import.meta.url)

/** Loads the Worker's module again, so that its variables are new, as in another isolate. */
export async function openInNode(bindings: Bindings, entry = OWN_ENTRY): Promise<Edge> {
  const worker = (await import(`${entry.href}?isolate=${randomUUID()}`)) as WorkerModule
  return {
    url: PUBLIC_URL,
    log: [],
    send: (path, init) => worker.default.fetch(new Request(PUBLIC_URL + path, init), bindings, { waitUntil() {} })
  }
}

async function openInWorkerd(t: Teardown, bindings: Bindings, entry = OWN_ENTRY): Promise<Edge> {
  const dir = join(await temporaryDir(t), 'edge')
  const socket = await reservePort(0, '127.0.0.1')
  const log: string[] = []
  const edge = await openLocalEdge({ dir, socket, bindings, log: line => log.push(line), entry: fileURLToPath(entry) })
  t.teardown(() => edge.close())
  const url = `http://127.0.0.1:${socket.port}`
  return { url, log, send: (path, init) => fetch(url + path, { redirect: 'manual', ...init }) }
}
