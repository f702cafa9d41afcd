/** Formats results as text for a terminal. Whether colours are used is left to the caller. */

import { styleText } from 'node:util'
import type { BudgetResult } from './budget.ts'
import type { Change } from './compare.ts'
import { sumErrors } from './errors.ts'
import type { ScenarioResult } from './results.ts'
import type { Summary } from './statistics.ts'
import { formatNumber, formatSpread, formatValue } from './units.ts'

type Style = Parameters<typeof styleText>[0]

/** Applies a style to text. */
export type Paint = (style: Style, text: string) => string

/** Styles text with ANSI escapes. */
export const painted: Paint = (style, text) => styleText(style, text, { validateStream: false })
/** Returns text unchanged. */
export const plain: Paint = (_style, text) => text

/** A table of a scenario with its budgets below. Metrics are columns, or rows if there are more metrics than variants. */
export function scenarioTable(scenario: ScenarioResult, budgets: readonly BudgetResult[], paint: Paint): string {
  const isMeasured = (name: string) => scenario.variants.some(({ metrics }) => metrics[name] !== undefined)
  const metrics = Object.entries(scenario.metrics).filter(([name]) => isMeasured(name))
  const rows = [
    ['', ...metrics.map(([name, { unit }]) => (unit === '' ? name : `${name}, ${unit}`)), 'errors'],
    ...scenario.variants.map(variant => [
      variant.name,
      ...metrics.map(([name]) => cell(variant.metrics[name])),
      String(variant.errors)
    ])
  ]
  const lines = [
    paint('bold', `${scenario.name}: ${scenario.title}`),
    ...alignColumns(metrics.length > scenario.variants.length ? transpose(rows) : rows).map((line, i) =>
      i === 0 ? paint('dim', line) : line
    ),
    ...scenario.variants.filter(({ errors }) => errors > 0).map(variant => paint('red', errorLine(variant))),
    ...(scenario.failure === undefined ? [] : [paint('red', `  failed: ${scenario.failure}`)]),
    ...budgets.map(result => budgetLine(result, paint))
  ]
  return lines.join('\n')
}

function cell(summary: Summary | undefined): string {
  return summary === undefined ? '' : `${formatNumber(summary.median)} ${formatSpread(summary)}`.trim()
}

function transpose(rows: readonly (readonly string[])[]): string[][] {
  return (rows[0] ?? []).map((_, column) => rows.map(row => row[column] ?? ''))
}

function errorLine({ name, rounds }: ScenarioResult['variants'][number]): string {
  const { errors, errorKinds } = sumErrors(rounds)
  const listed = Object.entries(errorKinds).map(([kind, count]) => `${count} × ${kind}`)
  return `  ${name}: ${errors} errors${listed.length > 0 ? ` (${listed.join(', ')})` : ''}`
}

/** `✓ Gatehouse ÷ bare: at most 1.1 ×; measured 1.06 × ± 1.2 %`, red if missed. */
function budgetLine({ budget, state, found, reason }: BudgetResult, paint: Paint): string {
  const bar = `${budget.bar} ${formatValue(budget.value, budget.unit)}`
  const measured = found ? `measured ${formatValue(found.median, budget.unit)} ${formatSpread(found)}` : (reason ?? '')
  if (state === 'skipped') return paint('dim', `  – ${budget.what}: ${bar}; ${measured}`)
  const line = `  ${state === 'met' ? '✓' : '✗'} ${budget.what}: ${bar}; ${measured}`.trimEnd()
  return state === 'met' ? paint('green', line) : paint(['red', 'bold'], `${line}  MISSED`)
}

/** The differences from an earlier run: one line per change, and one line that counts the noise. */
export function changeTable(what: string, changes: readonly Change[], paint: Paint): string {
  const noise = changes.filter(({ kind }) => kind === 'noise').length
  const single = changes.filter(({ kind }) => kind === 'single').length
  const withUnit = (summary: Summary, unit: string) => `${formatValue(summary.median, unit)} ${formatSpread(summary)}`
  const real = changes.filter(({ kind }) => kind === 'better' || kind === 'worse')
  const rows = real.map(({ scenario, variant, metric, unit, before, after, relative, kind }) => [
    `${scenario} / ${variant} / ${metric}`,
    withUnit(before, unit),
    withUnit(after, unit),
    `${relative >= 0 ? '+' : ''}${(100 * relative).toFixed(1)} %`,
    kind
  ])
  const lines = rows.length === 0 ? [] : alignColumns([['', 'before', 'now', 'change', ''], ...rows])
  return [
    ...lines.map((line, i) => (i === 0 ? paint('dim', line) : paint(line.endsWith('worse') ? 'red' : 'green', line))),
    `${noise} of ${changes.length} ${what} differ only by noise; ${single} have a single round and are not compared.`
  ].join('\n')
}

/** Aligns the first column left and the others right. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}`.trimEnd()
  )
}
