/** The package as a consumer installs it: packed from a copy of the sources, without a registry. */

import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Teardown, temporaryDir } from '../lib/test-engines.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CONSUMER = fileURLToPath(new URL('consumer', import.meta.url))

/** The inputs of packing. They are copied, because packing writes files while other tests read the repository. */
const SOURCES = [
  ...['.gitignore', 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'tsconfig.json', 'tsconfig.build.json'],
  ...['edge', 'fastify', 'server', 'local']
]

interface Packed {
  /** The project of a consumer, with the programs of `consumer/`, and the package in its `node_modules`. */
  readonly project: string
  /** The folders that npm put into `node_modules`, before the dependencies of the project were linked. */
  readonly installed: readonly string[]
  /** The folder of the packed sources. */
  readonly sources: string
}

/** Runs a program in a folder and returns its output. Of this process's environment it gets only the path. */
export async function run(dir: string, program: string, ...args: readonly string[]): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: dir, npm_config_cache: join(dir, '.npm'), NO_COLOR: '1' }
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  // Through env(1), because tap adds its loader to every child process, and a consumer has none.
  const { stdout } = await promisify(execFile)('env', ['-i', ...settings, program, ...args], { cwd: dir })
  return stdout
}

/** Packs and installs, once for a test file. */
export async function installPacked(t: Teardown): Promise<Packed> {
  const [sources, project] = await Promise.all([temporaryDir(t), temporaryDir(t)])
  await Promise.all(SOURCES.map(name => cp(join(ROOT, name), join(sources, name), { recursive: true })))
  await symlink(join(ROOT, 'node_modules'), join(sources, 'node_modules'))
  await run(sources, 'npm', 'pack', '--silent', '--pack-destination', project)

  const manifest = { name: 'consumer', private: true, type: 'module' }
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest))
  const tarball = (await readdir(project)).find(name => name.endsWith('.tgz')) ?? 'the tarball'
  await run(project, 'npm', 'install', '--silent', '--offline', '--no-audit', '--no-fund', `./${tarball}`)
  const installed = (await readdir(join(project, 'node_modules'))).filter(name => !name.startsWith('.'))

  await cp(CONSUMER, project, { recursive: true })
  await mkdir(join(project, 'node_modules/@types'), { recursive: true })
  for (const name of ['fastify', '@types/node'])
    await symlink(join(ROOT, 'node_modules', name), join(project, 'node_modules', name))
  return { project, installed, sources }
}
