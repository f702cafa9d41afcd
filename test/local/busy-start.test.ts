/** `npm run dev` on a busy machine: it starts later, without warnings. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { spawnTied, stopChild } from '../../local/child.ts'
import { WITHOUT_COVERAGE } from '../lib/coverage.ts'
import { temporaryDir } from '../lib/test-engines.ts'

const MAIN = fileURLToPath(new URL('../../local/main.ts', import.meta.url))
const BUSY = 4
/** One core of this machine, for the busy processes and the system: it is as slow as a machine that is busy on all cores. */
const CORE = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'

t.test('npm run dev prints no warning before it is ready', async t => {
  for (let i = 0; i < BUSY; i++) {
    const busy = await spawnTied('taskset', ['-c', CORE, process.execPath, '-e', 'for (;;);'])
    t.teardown(() => stopChild(busy, { signal: 'SIGKILL' }))
  }
  const dir = await temporaryDir(t)
  const dev = spawn('taskset', ['-c', CORE, process.execPath, MAIN, '--port', '0', '--data', join(dir, 'data')], {
    env: { ...WITHOUT_COVERAGE, PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const ended = once(dev, 'exit')
  t.teardown(async () => {
    dev.kill('SIGTERM')
    await ended
  })
  const said: string[] = []
  createInterface({ input: dev.stderr }).on('line', line => said.push(line))
  for await (const line of createInterface({ input: dev.stdout })) {
    if (line.includes('Gatehouse is ready')) break
    said.push(line)
  }
  t.strictSame(said.filter(Boolean), ['Starting PostgreSQL, Redis, mailbox, origin and edge …'])
})
