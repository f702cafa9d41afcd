/** Runs the edge Worker in workerd, the engine of Cloudflare Workers, without a development proxy. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { hasEnded, spawnTied, stopChild } from './child.ts'
import type { ReservedPort } from './free-ports.ts'

/** How a Worker is started. */
export interface LocalEdgeOptions {
  /** The folder for the bundle and the configuration, which contains secrets. */
  readonly dir: string
  readonly socket: ReservedPort
  /** Text bindings of the Worker. */
  readonly bindings: Readonly<Record<string, string>>
  /** Called with each line that the Worker writes to its console. */
  readonly log: (line: string) => void
  /** The module of the Worker. Default: the edge of Gatehouse. */
  readonly entry?: string
}

/** A running Worker. */
export interface LocalEdge {
  readonly pid: number
  close(): Promise<void>
}

/** File descriptors of the child. */
const CONTROL_FD = 3
const FIRST_SOCKET_FD = 4
const READY_DEADLINE_MS = 30_000
const EDGE_DIR = fileURLToPath(new URL('../edge', import.meta.url))
const OWN_ENTRY = join(EDGE_DIR, 'worker.ts')

/** Starts workerd on a reserved port. It ends with this process. */
export async function openLocalEdge({ dir, socket, bindings, log, entry }: LocalEdgeOptions): Promise<LocalEdge> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  bundleWorker(join(dir, 'worker.js'), entry)
  const config = join(dir, 'config.capnp')
  await writeFile(config, workerdConfig(await compatibilityDate(), bindings, socket.fds.length), { mode: 0o600 })

  const sockets = socket.fds.flatMap((_, i) => ['--socket-fd', `http${i}=${FIRST_SOCKET_FD + i}`])
  const args = ['serve', ...sockets, '--control-fd', String(CONTROL_FD), config]
  const child = await spawnTied(workerdPath(), args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe', ...socket.fds] })
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', log)
  }
  try {
    await listening(child)
  } catch (error) {
    await stopChild(child)
    throw error
  } finally {
    socket.release()
  }
  return { pid: child.pid ?? 0, close: () => stopChild(child, { graceMs: 2_000 }) }
}

/** Bundles the Worker as `wrangler deploy` does: one ES module for the conditions of Workers. */
export function bundleWorker(outfile: string, entry = OWN_ENTRY): void {
  // Synchronous, because the asynchronous API keeps a service process alive until this process ends.
  buildSync({
    entryPoints: [entry],
    outfile,
    bundle: true,
    // Smaller, like the deployed bundle. Names and short lines stay for stack traces.
    minifyWhitespace: true,
    lineLimit: 120,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'error'
  })
}

/** The compatibility date of the deployed Worker, so that the local one behaves alike. */
async function compatibilityDate(): Promise<string> {
  const text = await readFile(join(EDGE_DIR, 'wrangler.jsonc'), 'utf8')
  const date = /"compatibility_date":\s*"(\d{4}-\d{2}-\d{2})"/.exec(text)?.[1]
  if (date === undefined) throw new Error('expected a "compatibility_date" in edge/wrangler.jsonc, found none')
  return date
}

/** The configuration as Cap'n Proto text. Its string literals are those of C, which include those of JSON. */
function workerdConfig(date: string, bindings: Readonly<Record<string, string>>, sockets: number): string {
  const http = Array.from({ length: sockets }, (_, i) => `(name = "http${i}", http = (), service = "edge")`)
  const text = Object.entries(bindings).map(
    ([name, value]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(value)})`
  )
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    (name = "internet", network = (allow = ["public", "private"]))
  ],
  sockets = [${http.join(', ')}]
);

const edge :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = ${JSON.stringify(date)},
  bindings = [
    ${text.join(',\n    ')}
  ]
);
`
}

function workerdPath(): string {
  const { default: path } = createRequire(import.meta.url)('workerd') as { default: string }
  return path
}

/** Waits until workerd reports on its control channel that a socket listens. */
async function listening(child: ChildProcess): Promise<void> {
  const control = child.stdio[CONTROL_FD] as Readable
  const deadline = AbortSignal.timeout(READY_DEADLINE_MS)
  const ended = once(child, 'exit', { signal: deadline }).then(() => {
    throw new Error('workerd ended before it listened; see the lines above')
  })
  await Promise.race([once(control, 'data', { signal: deadline }), ended])
  ended.catch(() => {})
  if (hasEnded(child)) throw new Error('workerd ended before it listened; see the lines above')
}
