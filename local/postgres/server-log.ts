/** The log file of one server run, and its last lines for error messages. */

import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

/** An open log file. */
export interface ServerLog {
  /** The file descriptor for stdout and stderr of the server. */
  readonly fd: number
  readonly path: string
  /** Bytes written so far. */
  length(): Promise<number>
  /** The text after the first `offset` bytes. */
  since(offset: number): Promise<string>
  close(): Promise<void>
}

/** Starts a new `postgres.log`; the log of the run before is kept as `postgres.log.1`. */
export async function openServerLog(dataDir: string): Promise<ServerLog> {
  const path = join(dataDir, 'postgres.log')
  await rename(path, `${path}.1`).catch(() => undefined)
  const file = await open(path, 'a', 0o600)
  return {
    fd: file.fd,
    path,
    length: async () => (await file.stat()).size,
    since: async offset => (await readFile(path)).subarray(offset).toString(),
    close: () => file.close()
  }
}

/** The last lines of `text`, which show why a server ended. */
export const lastLines = (text: string, count = 10) => text.trim().split('\n').slice(-count).join('\n')
