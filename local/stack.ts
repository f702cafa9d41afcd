/** Opens the whole system on one machine: PostgreSQL, Redis over REST, a mailbox, the origin and the edge. */

import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Config, loadConfig } from '../server/config.ts'
import { createLogger } from '../server/logger.ts'
import { openOrigin } from '../server/origin.ts'
import { prepareDatabaseRoles, writeCommandSettings } from './database-roles.ts'
import { openLocalEdge } from './edge.ts'
import { onFreePort, reservePort } from './free-ports.ts'
import { type Mailbox, openMailbox } from './mailbox.ts'
import { openLocalPostgres } from './postgres.ts'
import { openEngineBackend, openRedisBackend, openRedisRest } from './redis-rest.ts'
import { type LocalSecrets, localSecrets } from './secrets.ts'
import { checkSettings, type Env, edgeBindings, originSettings } from './settings.ts'
import { warmRedis } from './warm-redis.ts'

/** How a system is started. */
export interface StackOptions {
  readonly dataDir: string
  /** The edge's port; 0 lets the system choose all ports. */
  readonly port: number
  /** Settings as in `.env.example`. `DATABASE_URL` and `REDIS_URL` replace the embedded engines. */
  readonly env: Env
  /** Called with messages for the terminal, one line each. */
  readonly log: (line: string) => void
}

/** A running system and its URLs. */
export interface Stack {
  readonly edge: string
  readonly origin: string
  readonly docs: string
  readonly mailbox: string
  readonly databaseUrl: string
  readonly redisRestUrl: string
  readonly redisRestToken: string
  readonly config: Config
  close(): Promise<void>
}

/**
 * The host name in all URLs. Browsers treat `localhost` and `127.0.0.1` as different sites and send no cookies between them,
 * and other local development servers use `localhost`.
 */
const HOST = 'localhost'

/** The preferred ports of a local system. */
const PORTS = { mailbox: 8025, redis: 8079 }

/** Long enough for a busy machine. */
const ANSWER_DEADLINE_MS = 30_000

/** Opens all parts. If one fails, the parts opened before it are closed again. */
export async function openStack(options: StackOptions): Promise<Stack> {
  const closers: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    return { ...(await openParts(options, closers)), close }
  } catch (error) {
    await close()
    throw error
  }
}

// Over 40 lines: the order in which the parts need each other, read from top to bottom.
async function openParts({ dataDir, port, env, log }: StackOptions, closers: (() => Promise<unknown>)[]) {
  const dir = resolve(dataDir)
  await mkdir(dir, { recursive: true })
  const secrets = await localSecrets(dir)
  const { port: originPort, redisNamespace: namespace } = checkSettings(env, secrets)
  const preferred = (wished: number) => (port === 0 ? 0 : wished)
  const closing = <T extends { close(): Promise<unknown> }>(part: T): T => {
    closers.push(() => part.close())
    return part
  }

  const [database, redis, mailbox] = await allOrFailure([
    openDatabaseUrl(env, dir, closing),
    openRedisUrl({ env, secrets, port: preferred(PORTS.redis), log }, closing),
    onFreePort('mailbox', preferred(PORTS.mailbox), log, httpPort =>
      openMailbox({ httpPort, dataFile: join(dir, 'mailbox.jsonl') })
    ).then(closing<Mailbox>)
  ])
  const roles = await prepareDatabaseRoles(database, env)
  await warmRedis({ ...redis, namespace })

  const socket = await onFreePort('edge', port, log, wished => reservePort(wished, HOST))
  closers.push(async () => socket.release())
  const edge = `http://${HOST}:${socket.port}`
  const settings = originSettings(env, secrets, { database: roles.worker, redis, smtpUrl: mailbox.smtpUrl, edge })
  await writeCommandSettings(join(dir, 'origin.env'), roles, settings.ROOT_SECRETS ?? '', { ...redis, namespace })
  const origin = closing(
    await onFreePort('origin', env.PORT === undefined ? preferred(originPort) : originPort, log, free =>
      openOrigin(loadConfig({ ...settings, PORT: String(free) }), createLogger(settings.LOG_LEVEL ?? 'warn'))
    )
  )
  // The edge has short deadlines, so it starts after the origin is ready and this process is idle.
  await origin.started
  const bindings = edgeBindings(settings, origin.url)
  closing(await openLocalEdge({ dir: join(dir, 'edge'), socket, bindings, log }))

  // The edge refuses this path before it asks Redis. The request only makes workerd compile the Worker.
  await fetch(`${edge}/%00`).then(refusal => refusal.body?.cancel())
  await answering(`${edge}/health/ready`)
  return {
    edge,
    origin: withHostName(origin.url),
    docs: `${edge}/docs`,
    mailbox: withHostName(mailbox.url),
    databaseUrl: database,
    redisRestUrl: redis.url,
    redisRestToken: redis.token,
    config: loadConfig(settings)
  }
}

/** A URL on this machine with the host name that web pages use. */
function withHostName(url: string): string {
  return url.replace('//127.0.0.1:', `//${HOST}:`)
}

async function openDatabaseUrl(
  env: Env,
  dir: string,
  closing: <T extends { close(): Promise<unknown> }>(part: T) => T
): Promise<string> {
  return env.DATABASE_URL ?? closing(await openLocalPostgres({ dataDir: join(dir, 'postgres') })).url
}

async function openRedisUrl(
  { env, secrets, port, log }: Omit<StackOptions, 'dataDir'> & { readonly secrets: LocalSecrets },
  closing: <T extends { close(): Promise<unknown> }>(part: T) => T
): Promise<{ url: string; token: string }> {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = env
  if (url !== undefined && token !== undefined) return { url, token }
  const backend = closing(
    env.REDIS_URL === undefined ? await openEngineBackend() : await openRedisBackend(env.REDIS_URL)
  )
  return closing(
    await onFreePort('Redis endpoint', port, log, free =>
      openRedisRest({ backend, token: token ?? secrets.redisToken, port: free })
    )
  )
}

/** Waits until `url` answers 200. */
async function answering(url: string): Promise<void> {
  const deadlineMs = Date.now() + ANSWER_DEADLINE_MS
  for (;;) {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)
    await response?.body?.cancel()
    if (response?.ok) return
    if (Date.now() > deadlineMs)
      throw new Error(
        `"${url}" did not answer 200 within ${ANSWER_DEADLINE_MS} ms, last with ${response?.status ?? 'nothing'}`
      )
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** Like `Promise.all`, but waits for all promises, so that every opened part can be closed after a failure. */
async function allOrFailure<T extends readonly unknown[]>(promises: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const results = await Promise.allSettled(promises)
  const failed = results.find(result => result.status === 'rejected')
  if (failed) throw failed.reason
  return results.map(result => (result.status === 'fulfilled' ? result.value : undefined)) as unknown as T
}
