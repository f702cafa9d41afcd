/** Starts the origin as it ships: `server/main.ts` in a process of its own, with production settings. */

import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Engines } from './engines.ts'
import { openNodeProcess } from './node-process.ts'
import type { Scope } from './scenario.ts'

/** The issuer of its tokens. No server listens there: requests go to the origin directly. */
export const PUBLIC_URL = 'https://auth.example.com'

/** The path prefix of the API. */
export const API = '/api/v1'

/** `begin` starts a new measurement; `read` answers with the 99th percentile of the delay since, in milliseconds. */
export type LoopDelayQuestion = 'begin' | 'read'

/** A running origin. */
export interface OriginProcess {
  readonly url: string
  readonly pid: number
  /** From the start of the process to the first 200 of `/health/ready`. */
  readonly readyMs: number
  /** The delay of its event loop; `processes/loop-delay.ts` measures it. */
  loopDelay(question: LoopDelayQuestion): Promise<number>
}

const READY_DEADLINE_MS = 20_000
const ASK_EVERY_MS = 5

/**
 * Starts an origin on `engines` and waits until it is ready. It ends with the scope.
 *
 * The limits per client are as wide as possible, because all requests come from one address. No other setting differs
 * from production.
 */
export async function openOriginProcess(
  engines: Engines,
  scope: Scope,
  settings: Readonly<Record<string, string>> = {}
): Promise<OriginProcess> {
  const port = await freePort()
  const startedMs = performance.now()
  const child = scope.closing(
    await openNodeProcess({
      file: new URL('../../server/main.ts', import.meta.url),
      nodeOptions: ['--import', new URL('../processes/loop-delay.ts', import.meta.url).href],
      env: { ...originSettings(engines), PORT: String(port), ...settings }
    })
  )
  const url = `http://127.0.0.1:${port}`
  await ready(`${url}/health/ready`, child.ask<number>('begin'))
  return { url, pid: child.pid, readyMs: performance.now() - startedMs, loopDelay: child.ask }
}

function originSettings(engines: Engines): Record<string, string> {
  const wide = '1000000/3600'
  return {
    NODE_ENV: 'production',
    // The same as in `npm start`.
    NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url)),
    PUBLIC_URL,
    ALLOWED_ORIGINS: 'none',
    REQUIRE_EDGE: 'false',
    LOG_LEVEL: 'warn',
    EMAIL_VERIFICATION: 'optional',
    DATABASE_URL: engines.databaseUrl,
    UPSTASH_REDIS_REST_URL: engines.redisUrl,
    UPSTASH_REDIS_REST_TOKEN: engines.redisToken,
    ROOT_SECRETS: engines.rootSecret,
    EDGE_SECRET: engines.edgeSecret,
    SMTP_URL: engines.smtpUrl,
    QUOTA_REGISTER: wide,
    LOGIN_FAILURES_ADDRESS: wide,
    LOGIN_FAILURES_ACCOUNT: wide
  }
}

/** Waits until `url` answers 200. @param alive rejects if the process ends before that */
async function ready(url: string, alive: Promise<unknown>): Promise<void> {
  const deadlineMs = performance.now() + READY_DEADLINE_MS
  for (;;) {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)
    await response?.body?.cancel()
    if (response?.ok) return
    await Promise.race([alive, new Promise(resolve => setTimeout(resolve, ASK_EVERY_MS))])
    if (performance.now() > deadlineMs)
      throw new Error(
        `"${url}" did not answer 200 within ${READY_DEADLINE_MS} ms, last with ${response?.status ?? 'nothing'}`
      )
  }
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no TCP port was bound')
  return address.port
}
