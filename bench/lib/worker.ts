/** Starts a Worker in workerd, as `npm run dev` starts the edge. It ends with its scope. */

import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openLocalEdge } from '../../local/edge.ts'
import { reservePort } from '../../local/free-ports.ts'
import type { Scope } from './scenario.ts'

/** A running Worker. */
export interface RunningWorker {
  readonly url: string
  readonly pid: number
}

/** Which Worker runs, and its settings. */
export interface WorkerOptions {
  /** The module with the Worker's `fetch`. Default: the edge of Gatehouse. */
  readonly entry?: URL
  /** Text bindings. */
  readonly bindings?: Readonly<Record<string, string>>
}

const HOST = '127.0.0.1'
/** How many lines of output are kept for error messages. */
const KEPT_LINES = 20

/** Bundles a Worker and starts it in a workerd of its own. */
export async function openWorker({ entry, bindings = {} }: WorkerOptions, scope: Scope): Promise<RunningWorker> {
  const socket = await reservePort(0, HOST)
  const output: string[] = []
  const log = (line: string) => void (output.push(line) > KEPT_LINES && output.shift())
  // A scope may have several Workers.
  const dir = await mkdtemp(join(scope.dir, 'worker-'))
  try {
    const own = entry && { entry: fileURLToPath(entry) }
    const { pid } = scope.closing(await openLocalEdge({ dir, socket, bindings, log, ...own }))
    return { url: `http://${HOST}:${socket.port}`, pid }
  } catch (cause) {
    throw new Error(`Starting workerd failed: ${output.join('\n')}`, { cause })
  }
}
