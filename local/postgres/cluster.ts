/** The data directory on disk: who owns it, how it is made, of which version it is. Who has it open is left to `lock.ts`. */

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

/** The superuser that everything local connects as. */
export const databaseUser = 'gatehouse'

/** PostgreSQL refuses to run as root: this account is there on every Linux and owns nothing else. */
const nobody: ChildUser = { uid: 65534, gid: 65534 }

/** How a server is reached by its cwd: it works even where its account may not enter the folders above. */
export const ownFolder = '/proc/self/cwd'

export interface Cluster {
  /** PostgreSQL's own folder. */
  readonly folder: string
  readonly password: string
  /** The account that owns the folder, where it is not this one's. */
  readonly user: ChildUser | undefined
}

/** The account that the server has to run as; undefined for this one's. Root takes over the owner of existing data. */
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
      `Tried to open the database in "${dataDir}" and found that it belongs to root, as which PostgreSQL does not run: ` +
        `give it away with \`chown -R ${nobody.uid}:${nobody.gid} ${join(dataDir, 'cluster')}\``
    )
  }
  if (me === 0) return found ? { uid: found.uid, gid: found.gid } : nobody
  if (!found || found.uid === me) return undefined
  throw new Error(
    `Tried to open the database in "${dataDir}" as user ${me} and found that it belongs to user ${found.uid}: ` +
      'run as that user, give it away with chown, or delete the folder to begin anew'
  )
}

/**
 * Opens the cluster in `dataDir`, and makes it first where there is none.
 *
 * @throws where the folder was made by another major version
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
        `"${madeBy.trim()}" made it: move what you need with pg_dump, then delete the folder to begin anew`
    )
  }
  return { folder, user, password: (await readFile(passwordFile(folder), 'utf8')).trim() }
}

const passwordFile = (folder: string) => join(folder, 'local-password')

/** Makes the cluster beside its place and moves it there when it is complete: a crash leaves no half-made one. */
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
    // Fails where another process was faster: its cluster is then the one.
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

/** Removes what processes that are gone have left half-made. */
async function sweep(folder: string): Promise<void> {
  const parent = join(folder, '..')
  for (const name of await readdir(parent)) {
    const pid = /^cluster\.new-(\d+)/.exec(name)?.[1]
    if (pid && (await readIfThere(`/proc/${pid}/comm`)) === undefined) await rm(join(parent, name), { recursive: true })
  }
}

/** Makes `dataDir` with room for the cluster and its log; entering it is only for this account. */
export async function makeDataDir(dataDir: string): Promise<void> {
  const made = await mkdir(dataDir, { recursive: true })
  if (made !== undefined) await chmod(dataDir, 0o700)
}
