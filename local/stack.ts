/** The whole system on one machine: PostgreSQL, Redis over REST, a mailbox, the origin and the edge, wired together. */

import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Config, loadConfig } from '../server/config.ts'
import { createLogger } from '../server/logger.ts'
import { openOrigin } from '../server/origin.ts'
import { openDatabaseRoles, writeCommandSettings } from './database-roles.ts'
import { openLocalEdge } from './edge.ts'
import { type Mailbox, openMailbox } from './mailbox.ts'
import { onFreePort, reservePort } from './ports.ts'
import { openLocalPostgres } from './postgres.ts'
import { openEngineBackend, openRedisBackend, openRedisRest } from './redis-rest.ts'
import { type LocalSecrets, localSecrets } from './secrets.ts'
import { checkSettings, type Env, edgeBindings, originSettings } from './settings.ts'
import { warmRedis } from './warm-redis.ts'

export interface StackOptions {
  readonly dataDir: string
  /** The edge's port; 0 lets the system choose all ports. */
  readonly port: number
  /** Settings; those of the contract apply, `DATABASE_URL` and `REDIS_URL` replace the embedded engines. */
  readonly env: Env
  /** Told what a person at the terminal wants to know, one line each. */
  readonly tell: (line: string) => void
}

/** Where everything is. */
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
 * The name under which everything is shown. To a browser `localhost` and `127.0.0.1` are two sites: a page on the one gets
 * no cookie from the other. Pages of other local programs are on `localhost`.
 */
const HOST = 'localhost'

/** The ports of a local system, unless they are taken. */
const PORTS = { mailbox: 8025, redis: 8079 }

/** A machine that is busy with something else may take its time. */
const ANSWER_DEADLINE_MS = 30_000

/** Opens everything, or nothing: what was opened before a failure is closed again. */
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

async function openParts({ dataDir, port, env, tell }: StackOptions, closers: (() => Promise<unknown>)[]) {
  const dir = resolve(dataDir)
  await mkdir(dir, { recursive: true })
  const secrets = await localSecrets(dir)
  const { port: originPort, redisNamespace: namespace } = checkSettings(env, secrets)
  const preferred = (wished: number) => (port === 0 ? 0 : wished)
  const closing = <T extends { close(): Promise<unknown> }>(part: T): T => {
    closers.push(() => part.close())
    return part
  }

  const [database, redis, mailbox] = await settled([
    openDatabaseUrl(env, dir, closing),
    openRedisUrl(env, secrets, preferred(PORTS.redis), tell, closing),
    onFreePort('mailbox', preferred(PORTS.mailbox), tell, httpPort =>
      openMailbox({ httpPort, dataFile: join(dir, 'mailbox.jsonl') })
    ).then(closing<Mailbox>)
  ])
  const roles = await openDatabaseRoles(database, env)
  await warmRedis({ ...redis, namespace })

  const socket = await onFreePort('edge', port, tell, wished => reservePort(wished, HOST))
  closers.push(async () => socket.release())
  const edge = `http://${HOST}:${socket.port}`
  const settings = originSettings(env, secrets, { database: roles.worker, redis, smtpUrl: mailbox.smtpUrl, edge })
  await writeCommandSettings(join(dir, 'origin.env'), roles, settings.ROOT_SECRETS ?? '', {
    ...redis,
    namespace
  })
  const origin = closing(
    await onFreePort('origin', env.PORT === undefined ? preferred(originPort) : originPort, tell, free =>
      openOrigin(loadConfig({ ...settings, PORT: String(free) }), createLogger(settings.LOG_LEVEL ?? 'warn'))
    )
  )
  // The edge has little patience: it starts when the origin is ready and this process has nothing left to do.
  await origin.started
  const bindings = edgeBindings(settings, origin.url)
  closing(await openLocalEdge({ dir: join(dir, 'edge'), socket, bindings, log: tell }))

  // Refused before anything is asked of Redis: it makes workerd compile the Worker.
  await fetch(`${edge}/%00`).then(refusal => refusal.body?.cancel())
  await answering(`${edge}/health/ready`)
  return {
    edge,
    origin: shown(origin.url),
    docs: `${edge}/docs`,
    mailbox: shown(mailbox.url),
    databaseUrl: database,
    redisRestUrl: redis.url,
    redisRestToken: redis.token,
    config: loadConfig(settings)
  }
}

/** A URL on this machine under the name that pages use. */
function shown(url: string): string {
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
  env: Env,
  secrets: LocalSecrets,
  port: number,
  tell: (line: string) => void,
  closing: <T extends { close(): Promise<unknown> }>(part: T) => T
): Promise<{ url: string; token: string }> {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = env
  if (url !== undefined && token !== undefined) return { url, token }
  const backend = closing(
    env.REDIS_URL === undefined ? await openEngineBackend() : await openRedisBackend(env.REDIS_URL)
  )
  return closing(
    await onFreePort('Redis endpoint', port, tell, free =>
      openRedisRest({ backend, token: token ?? secrets.redisToken, port: free })
    )
  )
}

/** Waits until `url` answers 200, through everything that is between. */
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

/** Like `Promise.all`, but waits for all of them, so that whatever was opened is known when one of them fails. */
async function settled<T extends readonly unknown[]>(promises: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const results = await Promise.allSettled(promises)
  const failed = results.find(result => result.status === 'rejected')
  if (failed) throw failed.reason
  return results.map(result => (result.status === 'fulfilled' ? result.value : undefined)) as unknown as T
}
