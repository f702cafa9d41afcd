/** Runs one PostgreSQL server over an existing cluster: start, readiness, end. Files are left to `cluster.ts`. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import { hasEnded, spawnTied, stopChild } from '../child.ts'
import { type Cluster, databaseUser, ownFolder } from './cluster.ts'
import { ownerSetting, readLock } from './lock.ts'
import type { ServerFiles } from './server-files.ts'
import { lastLines, type ServerLog } from './server-log.ts'

const readyWithinMs = 15_000
const endWithinMs = 5_000
const portAttempts = 5

/** How a server is started. */
export interface ServerOptions {
  readonly cluster: Cluster
  readonly files: ServerFiles
  readonly log: ServerLog
  /** 0 lets the system choose. */
  readonly port: number
  /** Finds a free port; a test replaces it to lose the race for one. */
  readonly findPort?: () => Promise<number>
}

/** A running server. */
export interface Server {
  readonly url: string
  /** Resolves when the process has ended, for any reason. */
  readonly ended: Promise<void>
  /** Ends the server within seconds; committed data is kept. */
  close(): Promise<void>
}

/**
 * Starts the server and resolves when it has answered a query.
 *
 * A free port may be taken a moment later; another one is then tried. If processes of a killed server still hold its shared
 * memory, the start waits for them.
 *
 * @throws with the end of the server's log; `code` is `EADDRINUSE` where a given port is in use
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { port, log, findPort = findFreePort } = options
  const startedMs = performance.now()
  for (let attempt = 1; ; attempt += 1) {
    const logged = await log.length()
    const url = serverUrl(options.cluster, port || (await findPort()))
    const child = await launch(options, url)
    const problem = await readyProblem(child, options.cluster, url)
    if (problem === undefined) return server(child, url.href)

    await stopChild(child, { signal: 'SIGINT', graceMs: endWithinMs })
    const said = await log.since(logged)
    const portTaken = said.includes('Address already in use')
    const memoryHeld = said.includes('is still in use')
    if (portTaken && port === 0 && attempt < portAttempts) continue
    if (!memoryHeld || performance.now() - startedMs > readyWithinMs) {
      throw startError(
        options.cluster.folder,
        portTaken ? `port ${url.port} is already in use` : problem,
        said,
        portTaken
      )
    }
    await delay(100)
  }
}

function serverUrl({ password }: Cluster, port: number): URL {
  return new URL(`postgres://${databaseUser}:${password}@127.0.0.1:${port}/postgres`)
}

function server(child: ChildProcess, url: string): Server {
  const ended = once(child, 'exit').then(() => {})
  return { url, ended, close: () => stopChild(child, { signal: 'SIGINT', graceMs: endWithinMs }) }
}

/** `fsync` stays on, as in production: a start does not slow down, and data also survives a power failure. */
async function launch({ cluster, files, log }: ServerOptions, url: URL): Promise<ChildProcess> {
  const settings = [
    ownerSetting(cluster.folder),
    'listen_addresses=127.0.0.1',
    `port=${url.port}`,
    'unix_socket_directories=',
    'timezone=UTC',
    'log_timezone=UTC',
    'log_checkpoints=off'
  ]
  return spawnTied(files.program('postgres'), ['-D', ownFolder, ...settings.flatMap(setting => ['-c', setting])], {
    cwd: cluster.folder,
    env: files.env,
    stdio: ['ignore', log.fd, log.fd],
    // "Fast shutdown": ends sessions and leaves clean data, so that the next start needs no recovery.
    deathSignal: 'SIGINT',
    ...(cluster.user && { user: cluster.user })
  })
}

/** Waits until the server answers. Returns why it does not, or undefined. */
async function readyProblem(child: ChildProcess, { folder }: Cluster, url: URL): Promise<string | undefined> {
  const deadlineMs = performance.now() + readyWithinMs
  for (;;) {
    const lock = await readLock(folder)
    if (lock.pid === String(child.pid) && lock.status === 'ready') return queryProblem(url)
    if (hasEnded(child)) return `it ended with ${child.signalCode ?? `exit code ${child.exitCode}`}`
    if (performance.now() > deadlineMs) return `it was not ready within ${readyWithinMs} ms`
    await delay(10)
  }
}

async function queryProblem(url: URL): Promise<string | undefined> {
  const sql = postgres(url.href, { max: 1, connect_timeout: 5 })
  try {
    await sql`select 1`
    return undefined
  } catch (error) {
    return `it refused a query: ${error instanceof Error ? error.message : String(error)}`
  } finally {
    await sql.end({ timeout: 1 })
  }
}

function startError(folder: string, problem: string, said: string, portTaken: boolean): Error {
  const advice = portTaken
    ? 'Stop the program that listens there, or choose another port.'
    : 'The last lines of its log:'
  const error = new Error(`Starting PostgreSQL in "${folder}" failed: ${problem}. ${advice}\n${lastLines(said)}`)
  return portTaken ? Object.assign(error, { code: 'EADDRINUSE' }) : error
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
