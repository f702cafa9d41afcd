/** `npm run dev` on a busy machine: it starts later, without warnings. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { spawnTied, stopChild } from '../../local/child.ts'
import { temporaryDir } from '../lib/test-engines.ts'

const MAIN = fileURLToPath(new URL('../../local/main.ts', import.meta.url))
const BUSY_PER_CORE = 4

t.test('npm run dev prints no warning before it is ready', async t => {
  for (let i = 0; i < BUSY_PER_CORE * availableParallelism(); i++) {
    const busy = await spawnTied(process.execPath, ['-e', 'for (;;);'])
    t.teardown(() => stopChild(busy, { signal: 'SIGKILL' }))
  }
  const dir = await temporaryDir(t)
  const dev = spawn(process.execPath, [MAIN, '--port', '0', '--data', join(dir, 'data')], {
    env: { PATH: process.env.PATH },
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
