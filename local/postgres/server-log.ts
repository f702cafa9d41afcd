/** The server's log file of one run, and its end for error messages; what the lines mean is left to the readers. */

import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

export interface ServerLog {
  /** For a child's stdout and stderr. */
  readonly fd: number
  readonly path: string
  /** Bytes written so far. */
  length(): Promise<number>
  /** What was written after the first `offset` bytes. */
  since(offset: number): Promise<string>
  close(): Promise<void>
}

/** Begins `postgres.log` anew; the run before it stays in `postgres.log.1`. */
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

/** The last lines of `text`: enough to see why a server gave up. */
export const lastLines = (text: string, count = 10) => text.trim().split('\n').slice(-count).join('\n')
