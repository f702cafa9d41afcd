/** Starts Node processes and asks them over IPC. What they do is left to `processes/`. They end with this process. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { hasEnded, spawnTied, stopChild } from '../../local/child.ts'

/** A running process. */
export interface NodeProcess {
  readonly pid: number
  /** Asks the process and waits for its answer. @throws the error of the process, or that it ended before answering */
  ask<Answer>(question: unknown): Promise<Answer>
  close(): Promise<void>
}

/** How a process is started. */
export interface NodeProcessOptions {
  /** The program: `new URL('../processes/x.ts', import.meta.url)`. */
  readonly file: URL
  /** Options of Node itself, such as `--import`. */
  readonly nodeOptions?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

interface Answered {
  readonly id: number
  readonly answer?: unknown
  readonly error?: string
}

/** How many lines of output are kept for error messages. */
const KEPT_LINES = 20

/** Starts a process. It is ready once it answers its first question, or once its server answers. */
export async function openNodeProcess({ file, nodeOptions = [], env = {} }: NodeProcessOptions): Promise<NodeProcess> {
  const child = await spawnTied(process.execPath, [...nodeOptions, fileURLToPath(file)], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc']
  })
  const output = keepLines(child)
  let lastId = 0

  return {
    pid: child.pid ?? 0,
    async ask<Answer>(question: unknown) {
      const id = ++lastId
      const over = new AbortController()
      try {
        const answered = waitForAnswer(child, id, over.signal)
        const ended = once(child, 'exit', { signal: over.signal }).then(([code]) => {
          throw new Error(`the process ended with "${code}" before it answered: ${output().join('\n')}`)
        })
        ended.catch(() => {})
        if (hasEnded(child)) throw new Error(`the process has ended: ${output().join('\n')}`)
        child.send({ id, question })
        return (await Promise.race([answered, ended])) as Answer
      } finally {
        over.abort()
      }
    },
    // Killed: the scope removes its files anyway, and a graceful end takes longer than the measurement.
    close: () => stopChild(child, { signal: 'SIGKILL' })
  }
}

async function waitForAnswer(child: ChildProcess, id: number, signal: AbortSignal): Promise<unknown> {
  for (;;) {
    const [message] = (await once(child, 'message', { signal })) as [Answered]
    if (message.id !== id) continue
    if (message.error !== undefined) throw new Error(message.error)
    return message.answer
  }
}

function keepLines(child: ChildProcess): () => readonly string[] {
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream)
      createInterface({ input: stream }).on('line', line => void (lines.push(line) > KEPT_LINES && lines.shift()))
  }
  return () => lines
}
