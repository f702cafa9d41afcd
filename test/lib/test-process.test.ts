/** How the runner reports a process of test files: one that passes, blocks, exits or is killed. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type Teardown, temporaryDir } from './temporary-dir.ts'
import { runGroup } from './test-process.ts'

/** Long enough for a process to start on a busy machine. */
const SILENCE_DEADLINE_MS = 10_000

const PASSES = `t.test('passes', async t => { t.ok(true) })`
/** Blocks like an endless loop, but uses no processor time. */
const BLOCKS = `t.test('blocks', async t => {
  t.ok(true)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})`
const EXITS = `t.test('exits', async t => { process.exit(0) })`

t.test('runGroup() counts the assertions of every file', async t => {
  const { ok, counts } = await run(t, { 'first.test.ts': PASSES, 'second.test.ts': PASSES })
  t.equal(ok, true)
  t.strictSame(counts, { total: 2, pass: 2, fail: 0, skip: 0, todo: 0 })
})

t.test('runGroup() stops a process that prints nothing, and names the file', async t => {
  const { ok, counts, tap } = await run(t, {
    'first.test.ts': PASSES,
    'blocks.test.ts': BLOCKS,
    'last.test.ts': PASSES
  })
  t.equal(ok, false)
  t.equal(counts.fail, 1)
  t.match(
    tap,
    /^not ok - the group: the process printed nothing for 10000 ms in .*\/blocks\.test\.ts, and was stopped$/m
  )
})

t.test('runGroup() fails a process that exits in a test, and names the file', async t => {
  const { ok, counts, tap } = await run(t, { 'first.test.ts': PASSES, 'exits.test.ts': EXITS, 'last.test.ts': PASSES })
  t.equal(ok, false)
  t.ok(counts.fail > 0)
  t.match(tap, /^not ok 2 - .*\/exits\.test\.ts/m)
})

t.test('runGroup() fails a process that is killed, and names the file', async t => {
  const killed = `t.test('is killed', async t => { process.kill(process.pid, 'SIGKILL') })`
  const { ok, counts, tap } = await run(t, { 'first.test.ts': PASSES, 'killed.test.ts': killed })
  t.equal(ok, false)
  t.equal(counts.fail, 1)
  t.match(tap, /^not ok - the group: the process was ended by SIGKILL in .*\/killed\.test\.ts$/m)
})

/** Runs files with these sources in one process. */
async function run(t: Teardown, sources: Readonly<Record<string, string>>) {
  const dir = await temporaryDir(t)
  const files = Object.keys(sources).map(name => join(dir, name))
  for (const [name, source] of Object.entries(sources)) {
    await writeFile(join(dir, name), `import t from 'tap'\n${source}\n`)
  }
  const { signal } = new AbortController()
  const options = { env: {}, isQuick: false, signal, silenceDeadlineMs: SILENCE_DEADLINE_MS }
  return runGroup({ name: 'the group', files }, options)
}
