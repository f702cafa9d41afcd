/** Reads the output of test processes, and prints it in two forms: lines for a terminal, and TAP. */

/** Assertions of a run. */
export interface Counts {
  readonly total: number
  readonly pass: number
  readonly fail: number
  readonly skip: number
  readonly todo: number
}

/** One process, when it has ended. */
export interface GroupReport {
  readonly name: string
  readonly tap: string
  readonly counts: Counts
  readonly ok: boolean
}

const NO_COUNTS: Counts = { total: 0, pass: 0, fail: 0, skip: 0, todo: 0 }

/**
 * Reads the output of a process.
 *
 * @param problem why the process ended, if it failed as a process: counted as one failure
 */
export function readReport(name: string, output: string, problem: string | undefined): GroupReport {
  const tap = output.replace(/^TAP version 14\n/, '')
  const counts = countsOf(tap)
  // A process without a single assertion is a failure: otherwise a broken runner would pass.
  const failure = problem ?? (counts.total === 0 ? 'it ran no test' : undefined)
  if (failure === undefined) return { name, tap, counts, ok: counts.fail === 0 }
  return {
    name,
    tap: `${tap}not ok - ${name}: ${failure}\n`,
    counts: addCounts(counts, { ...NO_COUNTS, total: 1, fail: 1 }),
    ok: false
  }
}

/** tap closes its output with `# { total: 12, pass: 11, fail: 1 }`, without counts of 0. */
function countsOf(tap: string): Counts {
  const line = /^# \{(.*)\}$/m.exec(tap)?.[1] ?? ''
  const count = (name: string) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? 0)
  return { total: count('total'), pass: count('pass'), fail: count('fail'), skip: count('skip'), todo: count('todo') }
}

/** The assertions of all groups. */
export function sumOf(reports: readonly GroupReport[]): Counts {
  return reports.reduce((sum, { counts }) => addCounts(sum, counts), NO_COUNTS)
}

function addCounts(a: Counts, b: Counts): Counts {
  return {
    total: a.total + b.total,
    pass: a.pass + b.pass,
    fail: a.fail + b.fail,
    skip: a.skip + b.skip,
    todo: a.todo + b.todo
  }
}

/** The closing line, as tap writes it. */
export function closingLine(counts: Counts): string {
  const named = Object.entries(counts).filter(([name, count]) => count > 0 || name === 'total' || name === 'pass')
  return `# { ${named.map(([name, count]) => `${name}: ${count}`).join(', ')} }\n`
}

/** A group as TAP: a subtest of the run. */
export function asTap({ name, tap, ok }: GroupReport, position: number): string {
  const nested = tap.replace(/^(?=.)/gm, '    ')
  return `# Subtest: ${name}\n${nested}${ok ? 'ok' : 'not ok'} ${position} - ${name}\n\n`
}

/** A group for a terminal: a line for each file, and the diagnosis of each failure. */
export function asLines({ tap }: GroupReport): string {
  const files = tap.matchAll(/^((?:not )?ok) \d+ - (.+?)(?: # time=([\d.]+)(m?s))?$/gm)
  const lines = [...files].map(([, result, file, time = '0', unit]) => {
    const seconds = unit === 'ms' ? Number(time) / 1000 : Number(time)
    return `${result === 'ok' ? 'ok    ' : 'FAILED'} ${file} (${seconds.toFixed(1)} s)\n`
  })
  return lines.join('') + failures(tap)
}

/** Each failed line with the diagnosis below it. */
function failures(tap: string): string {
  const found = tap.matchAll(/^ *not ok .*\n(?: *---\n[\s\S]*?\n *\.\.\.\n)?/gm)
  return [...found].map(([failure]) => `\n${failure}`).join('')
}
