/** Runs the test files of one group in a process, from its start to its report. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { hasEnded, spawnTied } from '../../local/child.ts'
import { type GroupReport, readReport } from './tap-report.ts'
import type { FileGroup } from './test-groups.ts'

const RUN_FILES = fileURLToPath(new URL('run-files.ts', import.meta.url))

/** A process that prints nothing is stopped: a file ends within its own deadline, unless it blocks the event loop. */
const SILENCE_DEADLINE_MS = 180_000
/** The time from the last test to the end of the process, in which its files close what they opened. */
const END_DEADLINE_MS = 30_000
/** The time in which a stopped process may end the programs that it started. */
const STOP_DEADLINE_MS = 5_000

/** Every permission but starting programs: a file that starts one fails. Node warns of each permission. */
const NO_PROCESSES = [
  ...['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons', '--allow-worker'],
  '--disable-warning=SecurityWarning'
]

export interface RunOptions {
  /** Added to the environment of this process. */
  readonly env: Readonly<Record<string, string>>
  /** The files may not start any process. */
  readonly isQuick: boolean
  /** Ends the process early. */
  readonly signal: AbortSignal
  readonly silenceDeadlineMs?: number
}

/** Runs the files of a group and reports the result. */
export async function runGroup({ name, files }: FileGroup, options: RunOptions): Promise<GroupReport> {
  const { env, isQuick, signal, silenceDeadlineMs = SILENCE_DEADLINE_MS } = options
  const args = [...(isQuick ? NO_PROCESSES : []), RUN_FILES]
  const inherited = Object.entries(process.env).filter((pair): pair is [string, string] => pair[1] !== undefined)
  // In a session of its own: an interrupt from the keyboard reaches only the runner, which ends the others in order.
  const child = await spawnTied(process.execPath, args, {
    env: { ...Object.fromEntries(inherited), ...env, TEST_FILES: files.join('\n') },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const stop = () => stopGroup(child)
  signal.addEventListener('abort', stop, { once: true })
  const { output, problem } = await outputOf(child, silenceDeadlineMs)
  signal.removeEventListener('abort', stop)
  return readReport(name, output, problem)
}

/** The output of a process until its end, and the problem if it did not end normally. */
async function outputOf(child: ChildProcess, silenceDeadlineMs: number) {
  let [output, problem] = ['', undefined as string | undefined]
  const stopAfter = (deadlineMs: number, describe: () => string) =>
    setTimeout(() => {
      problem = describe()
      stopGroup(child)
    }, deadlineMs)

  const silence = stopAfter(
    silenceDeadlineMs,
    () => `the process printed nothing for ${silenceDeadlineMs} ms in ${lastFile(output)}, and was stopped`
  )
  let end: NodeJS.Timeout | undefined
  child.stdout?.setEncoding('utf8').on('data', chunk => {
    output += chunk
    silence.refresh()
    if (end !== undefined || !/\n# time=/.test(output.slice(-1_000))) return
    end = stopAfter(
      END_DEADLINE_MS,
      () => `the process went on for ${END_DEADLINE_MS} ms after its last test: something is still open`
    )
  })
  const [code, killedBy] = await once(child, 'close')
  clearTimeout(silence)
  clearTimeout(end)
  return { output, problem: problem ?? problemOf({ code, killedBy, output }) }
}

/** An exit code after a failed test is tap's: the report counts the test itself. */
function problemOf({ code, killedBy, output }: { code: number | null; killedBy: string | null; output: string }) {
  if (killedBy !== null) return `the process was ended by ${killedBy} in ${lastFile(output)}`
  if (!/^# time=/m.test(output)) return `the process ended with exit code ${code} in ${lastFile(output)}`
  if (code !== 0 && !/^ *not ok /m.test(output)) return `the process ended with exit code ${code}`
  return undefined
}

/** The file that was running at the end of the output. */
function lastFile(output: string): string {
  return [...output.matchAll(/^# Subtest: (.+)$/gm)].at(-1)?.[1] ?? 'no file'
}

/** Ends a process and the programs of its session. */
function stopGroup(child: ChildProcess): void {
  const send = (signal: NodeJS.Signals) => {
    if (child.pid !== undefined && !hasEnded(child)) process.kill(-child.pid, signal)
  }
  send('SIGINT')
  setTimeout(() => send('SIGKILL'), STOP_DEADLINE_MS).unref()
}
