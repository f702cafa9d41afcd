/** Processes for tests that kill: runs a script in its own process, and finds the processes that it leaves. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import type { ChildUser } from '../../local/child.ts'
import { WITHOUT_COVERAGE } from '../lib/coverage.ts'

/** Whether a process runs; one that only waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Resolves when `condition` holds; throws when it does not within `boundMs`. */
export async function until(condition: () => boolean, boundMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + boundMs
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`Waited ${boundMs} ms for ${condition} and it did not hold`)
    await delay(10)
  }
}

export interface RunningScript {
  readonly process: ChildProcess
  /** The messages that the script sent with `process.send`. */
  readonly said: Promise<unknown>
}

/** Runs a module's source text in a Node of its own, outside the test runner's hooks; killed when the test ends. */
export function runScript(t: Test, source: string, user?: ChildUser): RunningScript {
  const args = ['--input-type=module', '--no-warnings', '--eval', source]
  const child = spawn(process.execPath, args, {
    cwd: '/',
    env: { ...WITHOUT_COVERAGE, PATH: process.env.PATH },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    ...user
  })
  t.teardown(() => child.kill('SIGKILL'))

  let errors = ''
  child.stderr?.on('data', chunk => {
    errors += chunk
  })
  const failed = once(child, 'close').then(() => Promise.reject(new Error(`The script ended early: ${errors}`)))
  const said = Promise.race([once(child, 'message').then(([message]) => message), failed])
  failed.catch(() => {})
  return { process: child, said }
}
