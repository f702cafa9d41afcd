/** Starts child processes that end with this one. What they run, and when they are ready, is left to the callers. */

import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** The account that a child runs as; only root may choose one other than its own. */
export interface ChildUser {
  readonly uid: number
  readonly gid: number
}

/** How a child is started. */
export interface TiedOptions {
  /** Entered before the account changes, so that the child may run in a folder that its account cannot reach. */
  readonly cwd?: string
  /** Added to a minimal environment: `PATH`, `TMPDIR`, `LANG=C.UTF-8`. Other variables are not inherited. */
  readonly env?: Readonly<Record<string, string>>
  /** As for `spawn`; nothing is connected by default. */
  readonly stdio?: StdioOptions
  readonly user?: ChildUser
  /** The signal that the kernel sends to the child when this process dies, for any reason. */
  readonly deathSignal?: 'SIGKILL' | 'SIGTERM' | 'SIGINT' | 'SIGQUIT'
}

// A parent that died before setpriv ran no longer triggers the signal, so the child checks its parent once more.
const guard = '[ "$PPID" = "$0" ] && exec "$@"'

/**
 * Starts `command` so that it ends with this process, even after `kill -9`.
 *
 * Needs `setpriv --pdeathsig` (util-linux, so Linux). On other systems it is a plain spawn: the child is killed when this
 * process exits, but survives its `kill -9`. Call it from the main thread: for the kernel the parent is the thread, so the
 * end of a worker would end the child.
 *
 * The child leads its own session. Ctrl-C then reaches only this process, which decides when to stop the child. A program
 * undoes the tie if it changes its account or is setuid, so the account changes first. Grandchildren are not tied.
 *
 * @throws what `spawn` reports; a missing `command` is seen as exit code 127 where setpriv is used
 */
export async function spawnTied(
  command: string,
  args: readonly string[],
  options: TiedOptions = {}
): Promise<ChildProcess> {
  const { deathSignal = 'SIGKILL', stdio = 'ignore', cwd, user, env } = options
  const tie = ['--pdeathsig', deathSignal, '/bin/sh', '-c', guard, String(process.pid), command]
  const [file, ...rest] = canTie() ? ['setpriv', ...tie, ...args] : [command, ...args]

  // `uid` and `gid` also clear the supplementary groups (libuv calls setgroups before setgid and setuid).
  const child = spawn(file, rest, {
    detached: true,
    stdio,
    env: { ...minimalEnv(), ...env },
    ...user,
    ...(cwd && { cwd })
  })
  await once(child, 'spawn')
  if (!canTie()) killOnExit(child)
  return child
}

/** Whether the kernel can tie children to this process; checked once. */
export function canTie(): boolean {
  tieable ??= spawnSync('setpriv', ['--pdeathsig', 'SIGKILL', 'true'], { stdio: 'ignore' }).status === 0
  return tieable
}

let tieable: boolean | undefined

/** Sends `signal`, waits up to `graceMs`, then kills the child. Resolves when it has ended. */
export async function stopChild(
  child: ChildProcess,
  { signal = 'SIGTERM', graceMs = 5_000 }: { readonly signal?: NodeJS.Signals; readonly graceMs?: number } = {}
): Promise<void> {
  if (hasEnded(child)) return
  const ended = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await ended
  clearTimeout(timer)
}

/** Whether `child` is known to have ended. */
export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function minimalEnv(): Record<string, string> {
  const { PATH = '/usr/local/bin:/usr/bin:/bin', TMPDIR } = process.env
  return { PATH, LANG: 'C.UTF-8', ...(TMPDIR && { TMPDIR }) }
}

function killOnExit(child: ChildProcess): void {
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
}
