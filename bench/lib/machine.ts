/** Describes the machine and the versions behind a result, without which its numbers mean nothing. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

/** The machine of a run. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly ramGib: number
  readonly kernel: string
  readonly node: string
  readonly openssl: string
  /** Load average of the minute before the run. Near the number of cores, other work uses the machine, too. */
  readonly load1: number
  /** By package name; `workerd` is among them. */
  readonly versions: Readonly<Record<string, string>>
  readonly commit: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const PACKAGES = ['workerd', 'fastify', 'postgres', 'bcrypt', '@upstash/redis', 'autocannon']

/** Describes this machine, the installed packages and the commit. */
export function describeMachine(): Machine {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    ramGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    openssl: process.versions.openssl,
    load1: loadavg()[0] ?? Number.NaN,
    versions: Object.fromEntries([...PACKAGES, ...peers()].map(name => [name, versionOf(name)])),
    commit: commit()
  }
}

/** The peers: the packages that `bench/package.json` pins. */
function peers(): string[] {
  const { devDependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return Object.keys(devDependencies).filter(name => !name.startsWith('@types/'))
}

/** Reads `package.json` from the folders that Node searches: not every package exports it. */
function versionOf(name: string): string {
  const require = createRequire(import.meta.url)
  for (const dir of require.resolve.paths(name) ?? []) {
    try {
      return JSON.parse(readFileSync(`${dir}/${name}/package.json`, 'utf8')).version
    } catch {
      // Not in this folder.
    }
  }
  return 'not installed'
}

function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).trim()
  try {
    return `${git('rev-parse', '--short=12', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ' with changes'}`
  } catch {
    return 'unknown'
  }
}
