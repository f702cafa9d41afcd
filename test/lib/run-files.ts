/** Runs the test files that `TEST_FILES` names one after the other in this process; `test/run.ts` decides which, and counts. */

import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import root, { type Test } from 'tap'

/** A file that waits for something in vain fails, and the next one runs. */
const FILE_DEADLINE_MS = 120_000

/** After the last test, and before the runner ends the process. */
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
// Not as arguments: tap names folders after them.
const { TEST_FILES = '' } = process.env
delete process.env.TEST_FILES
for (const file of TEST_FILES.split('\n')) {
  await root.test(file, { timeout: FILE_DEADLINE_MS }, async t => {
    global[LOADING] = t
    await import(pathToFileURL(resolve(file)).href)
  })
}

// A process with something open does not end by itself, and is ended by the runner: it says why.
setTimeout(() => {
  process.stderr.write(`still open after the last test: ${process.getActiveResourcesInfo().join(', ')}\n`)
}, SAY_AFTER_MS).unref()
