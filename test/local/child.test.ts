/** The promises of a tied child: its end, its account, its environment. */

import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { canTie, hasEnded, spawnTied, stopChild } from '../../local/child.ts'
import { isAlive, runScript, until } from './processes.ts'

const childModule = new URL('../../local/child.ts', import.meta.url).href
const isRoot = process.geteuid?.() === 0
const needsRoot = isRoot ? {} : { skip: 'only root can change the account' }
const needsTie = canTie() ? {} : { skip: 'setpriv is missing: a child outlives a killed parent here' }

t.test('spawnTied() ends the child when its parent is killed with SIGKILL', needsTie, async t => {
  const users = isRoot ? ['undefined', '{ uid: 65534, gid: 65534 }'] : ['undefined']
  for (const user of users) {
    for (const deathSignal of ['SIGKILL', 'SIGINT']) {
      const script = runScript(
        t,
        `import { spawnTied } from '${childModule}'
         const child = await spawnTied('sleep', ['600'], { deathSignal: '${deathSignal}', user: ${user} })
         process.send(child.pid)
         setInterval(() => {}, 1000)`
      )
      const pid = Number(await script.said)
      t.ok(isAlive(pid), `runs first (${deathSignal}, user ${user})`)
      script.process.kill('SIGKILL')
      await until(() => !isAlive(pid))
      t.notOk(isAlive(pid), 'and is gone')
    }
  }
})

t.test('spawnTied() ends the child when its parent exits by itself', async t => {
  const script = runScript(
    t,
    `import { spawnTied } from '${childModule}'
     const child = await spawnTied('sleep', ['600'])
     process.send(child.pid, () => process.exit(0))`
  )
  const pid = Number(await script.said)
  await until(() => !isAlive(pid))
  t.notOk(isAlive(pid))
})

t.test('spawnTied() passes only a minimal environment and the given variables', async t => {
  process.env.GATEHOUSE_TEST_SECRET = 'not for children'
  t.teardown(() => delete process.env.GATEHOUSE_TEST_SECRET)
  const child = await spawnTied('env', [], { env: { GIVEN: 'yes' }, stdio: ['ignore', 'pipe', 'ignore'] })
  const names = (await output(child)).split('\n').map(line => line.split('=')[0])
  t.ok(names.includes('GIVEN'))
  t.ok(names.includes('PATH'))
  // The test runner adds its own variables to every spawned process, so these two are checked by name.
  t.notOk(names.includes('GATEHOUSE_TEST_SECRET'))
  t.notOk(names.includes('HOME'))
})

t.test('spawnTied() passes arguments unchanged', async t => {
  const args = ['', 'a b', '$HOME', '"', "'", '`id`', '-x', '\n', 'ä']
  const child = await spawnTied(process.execPath, ['-p', 'JSON.stringify(process.argv.slice(1))', '--', ...args], {
    stdio: ['ignore', 'pipe', 'ignore']
  })
  t.same(JSON.parse(await output(child)), args)
})

t.test(
  'spawnTied() drops the account and every group, in a folder that the account cannot reach',
  needsRoot,
  async t => {
    const folder = t.testdir({ closed: {} })
    chmodSync(folder, 0o700)
    const child = await spawnTied('sh', ['-c', 'id -u; id -G'], {
      cwd: join(folder, 'closed'),
      stdio: ['ignore', 'pipe', 'ignore'],
      user: { uid: 65534, gid: 65534 }
    })
    t.equal(await output(child), '65534\n65534\n')
  }
)

t.test('spawnTied() rejects if the child cannot be started', async t => {
  await t.rejects(spawnTied('true', [], { cwd: '/does/not/exist' }), { code: 'ENOENT' })
})

t.test('stopChild() waits for a child that ends at the signal', async t => {
  const child = await spawnTied('sleep', ['600'])
  await stopChild(child, { signal: 'SIGINT' })
  t.ok(hasEnded(child))
  t.equal(child.signalCode, 'SIGINT')
  await stopChild(child)
  t.ok(hasEnded(child), 'and may be called again')
})

t.test('stopChild() kills a child that ignores the signal', async t => {
  const script = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('deaf')"
  const child = await spawnTied(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  if (child.stdout) await once(child.stdout, 'data')
  await stopChild(child, { graceMs: 50 })
  t.equal(child.signalCode, 'SIGKILL')
})

async function output(child: { stdout: NodeJS.ReadableStream | null }): Promise<string> {
  return child.stdout ? text(child.stdout) : ''
}
