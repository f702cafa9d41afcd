/** `npm run dev` as a process: its output, its files, and the data that survives. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, readdir, readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { WITHOUT_COVERAGE } from '../lib/coverage.ts'
import { call } from '../lib/person.ts'
import { type Teardown, temporaryDir } from '../lib/test-engines.ts'
import { until } from '../lib/until.ts'

const MAIN = fileURLToPath(new URL('../../local/main.ts', import.meta.url))

interface Dev {
  readonly pid: number
  readonly urls: Readonly<Record<string, string>>
  readonly output: () => string
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

async function startDev(
  t: Teardown,
  dir: string,
  args: readonly string[],
  env: Record<string, string> = {}
): Promise<Dev> {
  const readyFile = join(dir, `ready-${Math.random().toString(36).slice(2)}.json`)
  const child = spawn(process.execPath, [MAIN, '--data', join(dir, 'data'), '--ready-file', readyFile, ...args], {
    env: { ...WITHOUT_COVERAGE, PATH: process.env.PATH, BCRYPT_COST: '4', ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
  const ended = once(child, 'exit')
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    const [code] = await ended
    return code as number | null
  }
  t.teardown(() => end('SIGTERM'))
  await until(`the system is ready, or has said why not: ${output}`, async () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${output}`)
    return access(readyFile).then(
      () => true,
      () => false
    )
  })
  const urls = JSON.parse(await readFile(readyFile, 'utf8'))
  return { pid: child.pid ?? 0, urls, output: () => output, end }
}

/** The processes with a folder in their command line, other than zombies. */
async function processesOf(dir: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.filter(line => line.includes(dir)).map(line => line.replaceAll('\0', ' '))
}

t.test('the ready file lists every URL, all of them answer, and no signal loses data or leaves a process', async t => {
  const dir = await temporaryDir(t)
  const settings = { EMAIL_VERIFICATION: 'optional' }
  const credentials = { email: 'ada@example.com', password: 'Correct-horse-7' }
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  let dev = await startDev(t, dir, ['--port', String(port)], settings)

  const lines = dev
    .output()
    .split('\n')
    .filter(line => line.startsWith(`Port ${port} is taken`))
  t.equal(lines.length, 1, 'a taken port gives one line')
  t.match(lines[0], `the edge uses ${new URL(dev.urls.edge ?? '').port} instead`, 'and the next free one')

  const names = ['databaseUrl', 'docs', 'edge', 'mailbox', 'origin', 'redisRestToken', 'redisRestUrl']
  t.strictSame(Object.keys(dev.urls).sort(), names)
  for (const name of ['docs', 'mailbox']) t.equal((await fetch(dev.urls[name] ?? '')).status, 200, name)
  t.match(dev.output(), dev.urls.edge, 'the block names the edge')
  t.match(dev.output(), 'curl -i', 'and a first line to try')
  const body = { ...credentials, name: 'Ada' }
  t.equal((await call(dev.urls.edge ?? '', 'POST', '/api/v1/auth/register', { body })).status, 201)

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    t.ok((await processesOf(dir)).length > 2, 'there are processes')
    const code = await dev.end(signal)
    if (signal !== 'SIGKILL') t.equal(code, 0, `${signal} ends it well`)
    await until(`no process is left after ${signal}`, async () => (await processesOf(dir)).length === 0)
    dev = await startDev(t, dir, ['--port', '0'], settings)
    const login = await call(dev.urls.edge ?? '', 'POST', '/api/v1/auth/login', { body: credentials })
    t.equal(login.status, 200, `the person is still there after ${signal}`)
  }
})

t.test('settings of the environment apply, and an invalid one ends the start with one message', async t => {
  const dir = await temporaryDir(t)
  await t.rejects(startDev(t, dir, ['--port', '0'], { EMAIL_VERIFICATION: 'perhaps' }), {
    message: /EMAIL_VERIFICATION is malformed: expected required or optional/
  })
  t.notOk((await readdir(join(dir, 'data'))).includes('postgres'), 'before anything is started')
  await t.rejects(startDev(t, dir, ['--port', '0'], { EDGE_QUOTA_USER: 'many' }), {
    message: /EDGE_QUOTA_USER must be/
  })
})
