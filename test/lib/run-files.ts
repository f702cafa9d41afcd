/** Runs the test files of `TEST_FILES` in this process, one after the other. `test/run.ts` chooses and counts them. */

import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import root, { type Test } from 'tap'

/** After this time a file fails, and the next one runs. */
const FILE_DEADLINE_MS = 120_000

/** The time after the last test; the runner ends the process later. */
const SAY_AFTER_MS = 10_000

/** The test of the file that is being loaded. */
const LOADING = Symbol.for('gatehouse.test-file')
const global = globalThis as { [LOADING]?: Test }

/**
 * Every file gets a test of its own for `import t from 'tap'`, with its own teardown and deadline, as if it ran in a
 * process of its own. What the files import is loaded once.
 */
registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'tap' || !context.parentURL?.endsWith('.test.ts')) return next(specifier, context)
    const source = `export default globalThis[Symbol.for('gatehouse.test-file')] // ${context.parentURL}`
    return { url: `data:text/javascript,${encodeURIComponent(source)}`, format: 'module', shortCircuit: true }
  }
})

root.setTimeout(0)
// Not passed as arguments, because tap names folders after them.
const { TEST_FILES = '' } = process.env
delete process.env.TEST_FILES
for (const file of TEST_FILES.split('\n')) {
  await root.test(file, { timeout: FILE_DEADLINE_MS }, async t => {
    global[LOADING] = t
    await import(pathToFileURL(resolve(file)).href)
  })
}

// A process with open resources does not end by itself. It names them before the runner ends it.
setTimeout(() => {
  process.stderr.write(`still open after the last test: ${process.getActiveResourcesInfo().join(', ')}\n`)
}, SAY_AFTER_MS).unref()
