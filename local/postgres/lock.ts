/** Who has a cluster open, by PostgreSQL's own lock file; the rest of the folder is left to `cluster.ts`. */

import { readFile, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits for a server that is still ending, and removes the lock of one that is long gone.
 *
 * PostgreSQL itself takes any process of its account under the old number for a live server, which after a reboot may
 * be anybody. Removing the lock is safe: the server also refuses while its shared memory is in use.
 *
 * @throws where a live server owns the folder
 */
export async function awaitUnused(dataDir: string): Promise<void> {
  const folder = join(await realpath(dataDir), 'cluster')
  const startedMs = performance.now()
  for (;;) {
    const owner = await findOwner(folder)
    if (!owner) return
    // The death signal of a killed process needs a moment to arrive, and the server a little more to end.
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

/** A setting that does nothing but name the folder in the list of processes, for people and for `awaitUnused`. */
export const ownerSetting = (folder: string) => `gatehouse.data_dir=${folder}`

/** PostgreSQL's lock file: which process has the folder open, and how far it is. */
export async function readLock(folder: string): Promise<{ pid?: string; status?: string }> {
  const lines = (await readIfThere(join(folder, 'postmaster.pid')))?.split('\n') ?? []
  const pid = /^\d+$/.exec(lines[0] ?? '')?.[0]
  return { ...(pid && { pid }), ...(lines[7] && { status: lines[7].trim() }) }
}

/** A file's text; undefined where there is no such file, or its process has ended. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(error => {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  })
}
