/** The report: one file of HTML with everything in it, which asks no network for anything. */

import { writeFile } from 'node:fs/promises'
import { escapeHtml } from '../../server/lib/http/escape-html.ts'
import type { Verdict } from './budget.ts'
import { barChart, LEAST_LATENCIES, latencyChart, SERIES } from './report-charts.ts'
import { STYLE } from './report-style.ts'
import type { RunResult, ScenarioResult } from './results.ts'
import { formatSpread, formatValue } from './units.ts'

export async function writeReport(path: string, run: RunResult, verdicts: readonly Verdict[]): Promise<void> {
  await writeFile(path, renderReport(run, verdicts))
}

/** The whole page. */
export function renderReport(run: RunResult, verdicts: readonly Verdict[]): string {
  const blown = verdicts.filter(({ state }) => state === 'blown').length
  const held = verdicts.filter(({ state }) => state === 'held').length
  const length = run.quick ? 'Quick run' : run.soak ? 'Soak run' : 'Full run'
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gatehouse benchmarks, ${escapeHtml(run.startedAt.slice(0, 10))}</title>
<style>${STYLE}</style>
<h1>Gatehouse benchmarks</h1>
<p>${length} of ${escapeHtml(run.startedAt.slice(0, 16).replace('T', ' '))} UTC.
<strong class="${blown > 0 ? 'blown' : 'held'}">${held} budgets held, ${blown} blown.</strong></p>
<p class="faint">Numbers are medians of rounds, each in a fresh process; behind them, and as a whisker on a bar, is the
spread of the rounds (1.4826 × the median absolute deviation). Gatehouse is blue. Nothing measured was left out.</p>
${machineSection(run)}
${verdicts.length === 0 ? '' : `<section><h2>Budgets</h2>${budgetTable(verdicts)}</section>`}
${run.scenarios.map(scenario => scenarioSection(scenario)).join('\n')}
</html>
`
}

function machineSection({ machine, command, seconds }: RunResult): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`)
  const facts: readonly (readonly [string, string])[] = [
    ['Machine', `${machine.cpu}, ${machine.cores} cores, ${machine.ramGib} GiB`],
    ['Kernel', `Linux ${machine.kernel}`],
    ['Node', `${machine.node}, OpenSSL ${machine.openssl}`],
    ['Versions', versions.join(', ')],
    ['Commit', machine.commit],
    ['Command', command],
    ['Load before', `${machine.load1.toFixed(2)} (one minute)`],
    ['Took', `${Math.round(seconds)} s`]
  ]
  const list = facts.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`)
  return `<section><h2>Machine and command</h2><dl>${list.join('')}</dl></section>`
}

function budgetTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ budget, state, found, reason }) => {
    const word = { held: '✓ held', blown: '✗ blown', skipped: 'skipped' }[state]
    const measured = found ? `${formatValue(found.median, budget.unit)} ${formatSpread(found)}` : (reason ?? '')
    const bar = `${budget.bar} ${formatValue(budget.value, budget.unit)}`
    return `<tr><td>${escapeHtml(budget.scenario)}: ${escapeHtml(budget.what)}</td>
<td class="${state} number">${word}</td><td>${escapeHtml(measured)}</td><td class="number">${escapeHtml(bar)}</td></tr>`
  })
  return `<table class="budgets"><thead><tr><th>What</th><th></th><th>Found</th><th>Bar</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`
}

function scenarioSection(scenario: ScenarioResult): string {
  const errors = scenario.variants.filter(({ errors }) => errors > 0)
  const bars = Object.keys(scenario.metrics).map(metric => metricChart(scenario, metric))
  return `<section id="${escapeHtml(scenario.name)}"><h2>${escapeHtml(scenario.title)}</h2>
<p class="faint"><code>${escapeHtml(scenario.name)}</code> ${escapeHtml(scenario.about)}</p>
${scenario.failure === undefined ? '' : `<p class="blown">Failed: ${escapeHtml(scenario.failure)}</p>`}
${errors.map(({ name, errors }) => `<p class="blown">${escapeHtml(name)}: ${errors} errors</p>`).join('')}
<div class="charts">${bars.join('\n')}${latencies(scenario)}</div></section>`
}

/** Bars of one metric, best first. */
function metricChart(scenario: ScenarioResult, metric: string): string {
  const spec = scenario.metrics[metric]
  if (spec === undefined) return ''
  const bars = scenario.variants
    .flatMap(({ name, metrics }) => {
      const summary = metrics[metric]
      if (summary === undefined || !Number.isFinite(summary.median)) return []
      return [{ name, value: summary.median, spread: summary.spread, isOurs: isOurs(name) }]
    })
    .sort((a, b) => (spec.better === 'lower' ? a.value - b.value : b.value - a.value))
  if (bars.length === 0) return ''
  const label = `${metric}: ${spec.means}`
  return `<div><h3>${escapeHtml(label)} (${spec.better} is better)</h3>${barChart(bars, spec.unit, label)}</div>`
}

/** One chart for each label that variants share, or all in one where each has its own. */
function latencies({ variants }: ScenarioResult): string {
  const labels = [...new Set(variants.flatMap(({ latencies }) => Object.keys(latencies)))]
  const linesOf = (label: string) =>
    variants.flatMap(({ name, latencies }) => {
      const distribution = latencies[label]
      return distribution && distribution.count >= LEAST_LATENCIES ? [{ name, label, distribution }] : []
    })
  const shared = labels.filter(label => linesOf(label).length > 1)
  const single = labels.filter(label => linesOf(label).length === 1).flatMap(linesOf)
  const charts = shared.map(label => chartOf(`Latency, ${label}`, linesOf(label)))
  const rest = single.map(({ label, distribution }) => ({ name: label, distribution }))
  return [...charts, ...(rest.length > 0 ? [chartOf('Latency', rest)] : [])].join('\n')
}

function chartOf(label: string, lines: Parameters<typeof latencyChart>[0]): string {
  const legend = lines.map(
    ({ name }, i) =>
      `<li><svg viewBox="0 0 18 8" aria-hidden="true"><path d="M0 4H18" class="line series${i % SERIES}"/></svg>${escapeHtml(name)}</li>`
  )
  return `<div><h3>${escapeHtml(label)}: by percentile, both axes logarithmic</h3>
${latencyChart(lines, label)}<ul class="legend">${legend.join('')}</ul></div>`
}

/** Ours are named after the project, in whatever place they run; a scenario without a peer has only ours. */
function isOurs(name: string): boolean {
  return name.startsWith('Gatehouse')
}
