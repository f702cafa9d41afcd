/** The output of a run (table and report), and its command line. */

import t from 'tap'
import { ArgumentsError, chooseScenarios, parseArguments } from '../../bench/lib/arguments.ts'
import { checkBudgets } from '../../bench/lib/budget.ts'
import { compareRuns } from '../../bench/lib/compare.ts'
import { clock } from '../../bench/lib/progress.ts'
import { renderReport } from '../../bench/lib/report.ts'
import { changeTable, painted, plain, scenarioTable } from '../../bench/lib/table.ts'
import { formatNumber, formatValue } from '../../bench/lib/units.ts'
import { SCENARIOS } from '../../bench/scenarios/index.ts'
import { runOf, scenarioOf } from './results.ts'

const BUDGET = {
  scenario: 'verify',
  what: 'ours',
  metric: 'time',
  variant: 'Gatehouse',
  bar: 'at most',
  value: 10,
  unit: 'µs',
  quick: true
} as const

const budgetsOf = (scenario: ReturnType<typeof scenarioOf>) => checkBudgets([BUDGET], runOf(scenario))

t.test('a missed budget is red, and is marked without colours as well', async t => {
  const scenario = scenarioOf({ Gatehouse: [12, 12, 12] })
  t.match(scenarioTable(scenario, budgetsOf(scenario), plain), /✗ ours: at most 10 µs; measured 12 µs.*MISSED/)
  t.match(scenarioTable(scenario, budgetsOf(scenario), painted), '\x1b[31m')
  t.notMatch(scenarioTable(scenario, budgetsOf(scenario), plain), '\x1b')
})

t.test('errors are counted, named and shown', async t => {
  const scenario = scenarioOf({ Gatehouse: [1, 1] }, 3)
  t.match(scenarioTable(scenario, [], plain), 'Gatehouse: 6 errors (6 × status 500)')
})

t.test('a comparison lists changes and counts noise', async t => {
  const [before, after] = [
    { a: [10, 10], b: [10, 10] },
    { a: [20, 20], b: [10, 10] }
  ].map(rounds => runOf(scenarioOf(rounds)))
  if (!before || !after) throw new Error('there are two runs')
  const text = changeTable('numbers', compareRuns(before, after), plain)
  t.match(text, /verify \/ a \/ time.*\+100\.0 %.*worse/)
  t.match(text, '1 of 2 numbers differ only by noise')
})

t.test('the report loads nothing from the network', async t => {
  const scenario = scenarioOf({ Gatehouse: [12, 13, 11], peer: [5, 5, 5] })
  const html = renderReport(runOf(scenario), budgetsOf(scenario))
  t.notMatch(html, /\b(?:src|href|srcset|action|poster|data)\s*=/i, 'nothing is loaded')
  t.notMatch(html, /url\(|@import|<(?:script|link|iframe|img|object|embed)\b/i)
  t.match(html, 'name="viewport"')
  t.match(html, 'prefers-color-scheme: dark')
})

t.test('the report draws each variant and lists missed budgets', async t => {
  const scenario = scenarioOf({ Gatehouse: [12, 13, 11], peer: [5, 5, 5] })
  const html = renderReport(runOf(scenario), budgetsOf(scenario))
  t.equal(html.match(/<rect /g)?.length, 2)
  t.match(html, '✗ missed')
  t.match(html, '0 budgets met, 1 missed')
  t.match(html, 'series1', 'two lines of latencies')
  t.notMatch(html, /NaN|undefined|Infinity/)
})

t.test('the report escapes names', async t => {
  const html = renderReport(runOf(scenarioOf({ '<script>': [1] })), [])
  t.notMatch(html, '<script>')
  t.match(html, 'A &lt;fast&gt; one')
})

t.test('numbers have three digits and thousands are whole', async t => {
  t.strictSame([0, 0.30449, 12.34, 999.9, 1234.5, Number.NaN].map(formatNumber), [
    '0',
    '0.304',
    '12.3',
    '1000',
    '1,235',
    '–'
  ])
  t.equal(formatValue(1.1, '×'), '1.1 ×')
  t.equal(formatValue(7, ''), '7')
})

t.test('clock() counts minutes and seconds', async t => {
  t.strictSame([0, 59.6, 125].map(clock), ['0:00', '1:00', '2:05'])
})

t.test('a name chooses a scenario or a group of scenarios', async t => {
  const chosen = (...args: string[]) => chooseScenarios(SCENARIOS, parseArguments(args)).map(({ name }) => name)
  t.strictSame(chosen('login'), ['login', 'login-storm'])
  t.strictSame(chosen('login-storm', '--quick'), ['login-storm'], 'a named scenario runs')
  t.notOk(chosen('--quick').includes('login-storm'))
  t.ok(chosen().includes('login-storm'))
  t.throws(() => chosen('logni'), ArgumentsError)
  t.throws(() => parseArguments(['--fast']), ArgumentsError)
})
