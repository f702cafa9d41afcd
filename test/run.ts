/**
 * Runs the tests: `node test/run.ts [--quick] [--no-coverage] [-R tap] [file or folder …]`.
 *
 * It starts what all files share and ends it. `lib/test-groups.ts` decides which files share a process, and
 * `lib/run-files.ts` runs them in it. A file also runs by itself: `node test/architecture.test.ts`.
 */

import { globSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { checkCoverage } from './lib/coverage.ts'
import { asLines, asTap, closingLine, type GroupReport, sumOf } from './lib/tap-report.ts'
import { type FileGroup, groupFiles, isQuick } from './lib/test-groups.ts'
import { openTestPostgres, RUN_POSTGRES_URL } from './lib/test-postgres.ts'
import { runGroup } from './lib/test-process.ts'

/** More processes than cores: most files wait for something now and then. */
const ABREAST = 3

const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    quick: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: true },
    reporter: { type: 'string', short: 'R', default: 'lines' }
  }
})
const isTap = values.reporter === 'tap'
const print = (text: string) => process.stdout.write(text)

/** Closes the resources of this run, the newest last. */
const closers: (() => Promise<unknown>)[] = []
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
try {
  process.exitCode = (await runTests(chosenFiles())) ? 0 : 1
} finally {
  for (const close of closers.reverse()) await close()
}

function chosenFiles(): string[] {
  const all = globSync('test/**/*.test.ts').sort()
  const named = positionals.map(path => path.replace(/^\.?\//, ''))
  const files = all.filter(file => named.length === 0 || named.some(path => file.startsWith(path)))
  return values.quick ? files.filter(isQuick) : files
}

async function runTests(files: readonly string[]): Promise<boolean> {
  if (files.length === 0) throw new Error(`expected a test file below test/, found none for "${positionals.join(' ')}"`)
  const dir = await temporaryRunDir()
  const coverageDir = values.coverage && !values.quick ? join(dir, 'coverage') : undefined
  const env = {
    TMPDIR: dir,
    ...(coverageDir !== undefined && { NODE_V8_COVERAGE: coverageDir }),
    ...(!files.every(isQuick) && { [RUN_POSTGRES_URL]: await openPostgres(dir) })
  }
  const { together, alone } = groupFiles(files)
  if (isTap) print(`TAP version 14\n1..${together.length + alone.length}\n`)
  const reports: GroupReport[] = []
  const runAll = async (groups: readonly FileGroup[], abreast: number) => {
    const waiting = [...groups]
    const runNext = async () => {
      for (let group = waiting.shift(); group && !stopping.signal.aborted; group = waiting.shift()) {
        const report = await runGroup(group, { env, isQuick: values.quick, signal: stopping.signal })
        reports.push(report)
        print(isTap ? asTap(report, reports.length) : asLines(report))
      }
    }
    await Promise.all(Array.from({ length: abreast }, runNext))
  }
  await runAll(together, ABREAST)
  await runAll(alone, 1)

  const counts = sumOf(reports)
  print(closingLine(counts))
  if (stopping.signal.aborted) return false
  const isWhole = positionals.length === 0
  const isCovered = coverageDir === undefined || !isWhole || (await checkCoverage(coverageDir))
  return counts.fail === 0 && counts.pass > 0 && isCovered
}

/** A folder for everything that the files write outside of the repository, removed even after a killed process. */
async function temporaryRunDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gatehouse-tests-'))
  closers.push(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }))
  // As root, PostgreSQL runs under another account, which passes through this folder to its own.
  await chmod(dir, 0o711)
  return dir
}

async function openPostgres(dir: string): Promise<string> {
  const server = await openTestPostgres(join(dir, 'postgres'))
  closers.push(server.close)
  return server.url
}
