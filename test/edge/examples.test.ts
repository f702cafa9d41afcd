/** The examples in the docstrings of the public functions: each compiles, runs and gives the stated values. */

import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import * as gateway from '../../edge/index.ts'
import * as verifier from '../../edge/verifier/index.ts'
import * as givens from '../package/example-givens.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const GIVENS = join(ROOT, 'test/package/example-givens.ts')

t.teardown(() => givens.close())

/** The exported functions of the edge, with the examples in their docstrings. */
async function findExamples(): Promise<ReadonlyMap<string, string>> {
  const examples = new Map<string, string>()
  for (const path of await readdir(join(ROOT, 'edge'), { recursive: true })) {
    if (!path.endsWith('.ts')) continue
    const text = await readFile(join(ROOT, 'edge', path), 'utf8')
    for (const [, comment = '', name = ''] of text.matchAll(
      /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/.*\n)*export (?:async )?function (\w+)/g
    )) {
      const example = comment.split('@example\n')[1]?.replaceAll(/^ \* ?/gm, '')
      if (example !== undefined) examples.set(name, example)
    }
  }
  return examples
}

/** The example as a module: its names are imported, and each `expression // → value` becomes a check. */
function moduleOf(example: string): string {
  const uses = (name: string) => new RegExp(`(?<![.\\w'])${name}\\b(?!:)`).test(example)
  const declares = (name: string) => new RegExp(`const (?:\\{[^}]* )?${name}\\b`).test(example)
  const importOf = (names: readonly string[], from: string) =>
    `import { ${names.filter(name => uses(name) && !declares(name)).join(', ')} } from '${from}'\n`
  const checked = example.replaceAll(/^(.+) \/\/ → (.+)$/gm, 'said.push([$1, $2])')
  return [
    importOf(Object.keys(gateway), 'gatehouse/gateway'),
    importOf(Object.keys(verifier), 'gatehouse/verifier'),
    importOf(Object.keys(givens), GIVENS),
    'export const said: (readonly [unknown, unknown])[] = []\n',
    checked
  ].join('')
}

t.test('every public function has an example that compiles and is true', async t => {
  const examples = await findExamples()
  const functions = Object.entries({ ...gateway, ...verifier }).filter(([name]) => /^[a-z]/.test(name))
  t.ok(functions.length >= 12, 'the public names were found')
  t.strictSame(
    functions.map(([name]) => name).filter(name => !examples.has(name)),
    [],
    'none is without'
  )

  const files = Object.fromEntries(functions.map(([name]) => [`${name}.ts`, moduleOf(examples.get(name) ?? '')]))
  const tsconfig = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: { noUnusedLocals: false },
    include: ['*.ts']
  }
  const dir = t.testdir({ ...files, 'tsconfig.json': JSON.stringify(tsconfig) })
  // Through env(1), because tap adds its loader to every child process, and the compiler fails under it.
  const args = ['-u', 'NODE_OPTIONS', join(ROOT, 'node_modules/.bin/tsc'), '-p', dir]
  const compiled = await promisify(execFile)('env', args).catch(error => error)
  t.equal(compiled.stdout, '', 'all of them compile')

  for (const name of Object.keys(files)) {
    const { said } = (await import(pathToFileURL(join(dir, name)).href)) as { said: [unknown, unknown][] }
    for (const [found, expected] of said) t.strictSame(found, expected, `${name} says ${JSON.stringify(expected)}`)
    t.ok(said.length > 0 || name === 'createEdgeWorker.ts', `${name} says something`)
  }
})
