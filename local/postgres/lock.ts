/** Finds the process that has a cluster open, by PostgreSQL's lock file. The rest of the folder is left to `cluster.ts`. */

import { readFile, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits for a server that is still ending, and removes the lock of one that has ended.
 *
 * PostgreSQL itself would take any process of its account with the old pid for a live server, and after a reboot that may
 * be another program. Removing the lock is safe: the server also refuses to start while its shared memory is in use.
 *
 * @throws if a live server owns the folder
 */
export async function awaitUnused(dataDir: string): Promise<void> {
  const folder = join(await realpath(dataDir), 'cluster')
  const startedMs = performance.now()
  for (;;) {
    const owner = await findOwner(folder)
    if (!owner) return
    // The death signal takes a moment to arrive, and the server a little longer to end.
    if (performance.now() - startedMs > (owner.stopping ? 10_000 : 1_000)) {
      throw new Error(
        `Tried to open the database in "${dataDir}" and found that process ${owner.pid} has it open: ` +
          'stop the other instance, or choose another data directory'
      )
    }
    await delay(20)
  }
}

async function findOwner(folder: string): Promise<{ pid: string; stopping: boolean } | undefined> {
  const lock = join(folder, 'postmaster.pid')
  const { pid, status } = await readLock(folder)
  if (!pid) return undefined

  const command = ((await readIfThere(`/proc/${pid}/cmdline`)) ?? '').split('\0')
  const marker = command.find(arg => arg.startsWith(ownerSetting('')))
  const isServer = marker ? marker === ownerSetting(folder) : command[0]?.endsWith('postgres')
  if (isServer) return { pid, stopping: status === 'stopping' }
  await rm(lock, { force: true })
  return undefined
}

/** A setting that only shows the folder in the process list, for the user and for `awaitUnused`. */
export const ownerSetting = (folder: string) => `gatehouse.data_dir=${folder}`

/** Reads PostgreSQL's lock file: the pid of the server and its status. */
export async function readLock(folder: string): Promise<{ pid?: string; status?: string }> {
  const lines = (await readIfThere(join(folder, 'postmaster.pid')))?.split('\n') ?? []
  const pid = /^\d+$/.exec(lines[0] ?? '')?.[0]
  return { ...(pid && { pid }), ...(lines[7] && { status: lines[7].trim() }) }
}

/** The text of a file; undefined if the file does not exist or its process has ended. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(error => {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  })
}
