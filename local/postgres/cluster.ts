/** The data directory: its owner, its creation, its version. Which process has it open is left to `lock.ts`. */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmod,
  chown,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat
} from 'node:fs/promises'
import { join } from 'node:path'
import { type ChildUser, spawnTied } from '../child.ts'
import { readIfThere } from './lock.ts'
import type { ServerFiles } from './server-files.ts'
import { lastLines, type ServerLog } from './server-log.ts'

/** The superuser of a local server. */
export const databaseUser = 'gatehouse'

/** PostgreSQL refuses to run as root. This account exists on every Linux and owns no files. */
const nobody: ChildUser = { uid: 65534, gid: 65534 }

/** The data directory as the server's working directory, which works without access to the folders above. */
export const ownFolder = '/proc/self/cwd'

/** A data directory with its database. */
export interface Cluster {
  /** PostgreSQL's own folder. */
  readonly folder: string
  readonly password: string
  /** The account that owns the folder; undefined for the current account. */
  readonly user: ChildUser | undefined
}

/** The account that the server must run as; undefined for the current one. Root uses the owner of existing data. */
export async function serverUser(dataDir: string): Promise<ChildUser | undefined> {
  const me = process.geteuid?.()
  const found = await stat(join(dataDir, 'cluster')).catch(error => {
    if (error.code === 'ENOENT') return undefined
    throw new Error(`Tried to open the database in "${dataDir}" as user ${me} and found ${error.code}`, {
      cause: error
    })
  })
  if (me === 0 && found?.uid === 0) {
    throw new Error(
      `Tried to open the database in "${dataDir}" and found that it belongs to root, but PostgreSQL does not run as root: ` +
        `change the owner with \`chown -R ${nobody.uid}:${nobody.gid} ${join(dataDir, 'cluster')}\``
    )
  }
  if (me === 0) return found ? { uid: found.uid, gid: found.gid } : nobody
  if (!found || found.uid === me) return undefined
  throw new Error(
    `Tried to open the database in "${dataDir}" as user ${me} and found that it belongs to user ${found.uid}: ` +
      'run as that user, change the owner with chown, or delete the folder to start over'
  )
}

/**
 * Finds the cluster in `dataDir`, or creates it.
 *
 * @throws if another major version created it
 */
export async function prepareCluster(
  dataDir: string,
  files: ServerFiles,
  user: ChildUser | undefined,
  log: ServerLog
): Promise<Cluster> {
  const folder = join(await realpath(dataDir), 'cluster')
  const madeBy = await readIfThere(join(folder, 'PG_VERSION'))
  if (madeBy === undefined) await makeCluster(folder, files, user, log)
  else if (madeBy.trim() !== files.major) {
    throw new Error(
      `Tried to open the database in "${dataDir}" with PostgreSQL ${files.major} and found that version ` +
        `"${madeBy.trim()}" made it: export the data with pg_dump, then delete the folder to start over`
    )
  }
  return { folder, user, password: (await readFile(passwordFile(folder), 'utf8')).trim() }
}

const passwordFile = (folder: string) => join(folder, 'local-password')

/** Creates the cluster in a staging folder and renames that when complete, so that a crash leaves no partial cluster. */
async function makeCluster(
  folder: string,
  files: ServerFiles,
  user: ChildUser | undefined,
  log: ServerLog
): Promise<void> {
  await sweep(folder)
  const staging = `${folder}.new-${process.pid}`
  const passwords = `${staging}.password`
  const give = async (path: string) => user && (await chown(path, user.uid, user.gid))
  await mkdir(staging, { mode: 0o700 })
  await give(staging)
  const password = await open(passwords, 'wx+', 0o600)
  try {
    await password.writeFile(randomBytes(24).toString('base64url'))
    await give(passwords)
    await initdb(staging, password, { files, user, log })
    await rename(passwords, passwordFile(staging))
    // Fails if another process was faster; its cluster is then used.
    await rename(staging, folder).catch(() => undefined)
  } finally {
    await password.close()
    await rm(staging, { recursive: true, force: true })
    await rm(passwords, { force: true })
  }
}

async function initdb(
  staging: string,
  password: FileHandle,
  { files, user, log }: { files: ServerFiles; user: ChildUser | undefined; log: ServerLog }
): Promise<void> {
  const args = [
    `--pgdata=${ownFolder}`,
    `--username=${databaseUser}`,
    '--auth=scram-sha-256',
    '--pwfile=/dev/stdin',
    '--encoding=UTF8',
    '--locale=C',
    // Independent of the locales and the ICU version of the machine.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions'
  ]
  const options = { cwd: staging, env: files.env, stdio: [password.fd, log.fd, log.fd], ...(user && { user }) }
  const child = await spawnTied(files.program('initdb'), args, options)
  const [code, signal] = await once(child, 'exit')
  if (code === 0) return
  const reason = `${signal ?? `exit code ${code}`}\n${lastLines(await log.since(0))}`
  throw new Error(`Making a database in "${staging}" with initdb failed: ${reason}`)
}

/** Removes staging folders of processes that have ended. */
async function sweep(folder: string): Promise<void> {
  const parent = join(folder, '..')
  for (const name of await readdir(parent)) {
    const pid = /^cluster\.new-(\d+)/.exec(name)?.[1]
    if (pid && (await readIfThere(`/proc/${pid}/comm`)) === undefined) await rm(join(parent, name), { recursive: true })
  }
}

/** Creates `dataDir`, accessible only to the current account. */
export async function makeDataDir(dataDir: string): Promise<void> {
  const made = await mkdir(dataDir, { recursive: true })
  if (made !== undefined) await chmod(dataDir, 0o700)
}
