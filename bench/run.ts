/** `npm run bench`: measures scenarios, prints them, keeps them, and fails where a budget is blown. */

import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BUDGETS } from './budgets.ts'
import { type Arguments, ArgumentsError, chooseScenarios, parseArguments, USAGE } from './lib/arguments.ts'
import { type BudgetResult, checkBudgets } from './lib/budget.ts'
import { compareBars, compareRuns, differencesOfSetting } from './lib/compare.ts'
import { describeMachine } from './lib/machine.ts'
import { clock, createProgress } from './lib/progress.ts'
import { writeReport } from './lib/report.ts'
import { FORMAT, type RunResult, readResult, type ScenarioResult, writeResult } from './lib/results.ts'
import { runScenario } from './lib/rounds.ts'
import type { Scenario } from './lib/scenario.ts'
import { type OpenScope, openScope } from './lib/scope.ts'
import { changeTable, painted, plain, scenarioTable } from './lib/table.ts'
import { SCENARIOS } from './scenarios/index.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
/** Somebody wants the run to end: what breaks from then on is no result. */
let asked = false

const paint = process.stdout.isTTY && !process.env.NO_COLOR ? painted : plain

try {
  process.exitCode = await main(parseArguments(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof ArgumentsError)) throw error
  console.error(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}

/** @returns the exit status */
async function main(args: Arguments): Promise<number> {
  if (args.list) {
    for (const { name, title } of SCENARIOS) console.log(`${name.padEnd(20)} ${title}`)
    return 0
  }
  const checked = (scenario: Scenario) => BUDGETS.some(({ scenario: name, quick }) => quick && name === scenario.name)
  const scenarios = chooseScenarios(SCENARIOS, args).filter(scenario => !args.check || checked(scenario))
  // Read before hours of measuring, so that a misspelt name is known at once.
  const before = args.compare === undefined ? undefined : await readResult(args.compare)

  const scope = await openScope(args)
  closeOnSignal(scope)
  const run = await measure(scenarios, args, scope)
  await scope.close()

  const budgets = checkBudgets(BUDGETS, run)
  if (before !== undefined) showChanges(before, run)
  await keep(run, budgets)
  return summarize(run, budgets)
}

async function measure(scenarios: readonly Scenario[], args: Arguments, scope: OpenScope): Promise<RunResult> {
  const { quick, soak } = args
  const machine = describeMachine()
  const startedAt = new Date()
  console.log(`${machine.cpu}, ${machine.cores} cores, load ${machine.load1.toFixed(2)}, Node ${machine.node}`)
  if (machine.load1 > machine.cores / 2) console.log(paint('yellow', 'Others are using this machine: expect noise.'))

  const progress = createProgress(scenarios, quick ? 'quick' : 'full', process.stderr)
  const results: ScenarioResult[] = []
  for (const scenario of scenarios) {
    const result = await runScenario(scenario, scope, progress.show)
    // The process ends when all is closed.
    if (asked) await new Promise<never>(() => {})
    results.push(result)
    progress.clear()
    console.log(`\n${scenarioTable(result, checkBudgets(BUDGETS, { quick, scenarios: [result] }), paint)}`)
  }
  const seconds = (Date.now() - +startedAt) / 1000
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ').replace(/ --$/, '')
  return {
    format: FORMAT,
    startedAt: startedAt.toISOString(),
    seconds,
    quick,
    soak,
    command,
    machine,
    scenarios: results
  }
}

function showChanges(before: RunResult, after: RunResult): void {
  console.log(`\n${paint('bold', `Compared with ${before.startedAt}, commit ${before.machine.commit}`)}`)
  for (const difference of differencesOfSetting(before, after)) console.log(paint('yellow', `  ${difference}`))
  console.log(changeTable('numbers', compareRuns(before, after), paint))
  console.log(changeTable('bars', compareBars(checkBudgets(BUDGETS, before), checkBudgets(BUDGETS, after)), paint))
}

async function keep(run: RunResult, budgets: readonly BudgetResult[]): Promise<void> {
  const json = join(HERE, 'results', `${run.startedAt.replaceAll(':', '').slice(0, 17)}.json`)
  const html = join(HERE, 'report.html')
  await writeResult(json, run)
  await writeReport(html, run, budgets)
  console.log(`\n${relative('.', json)}\n${relative('.', html)}`)
}

function summarize(run: RunResult, budgets: readonly BudgetResult[]): number {
  const blown = budgets.filter(({ state }) => state === 'blown').length
  const held = budgets.filter(({ state }) => state === 'held').length
  const failed = run.scenarios.filter(
    ({ failure, variants }) => failure !== undefined || variants.some(({ errors }) => errors > 0)
  )
  console.log(`${clock(run.seconds)} min, ${held} budgets held, ${blown} blown, ${failed.length} scenarios with errors`)
  return blown > 0 || failed.length > 0 ? 1 : 0
}

/** Ctrl-C closes what is open; a second one does not wait for it. */
function closeOnSignal(scope: OpenScope): void {
  const stop = (signal: 'SIGINT' | 'SIGTERM', status: number) => {
    if (asked) process.exit(status)
    asked = true
    process.stderr.write(`\n${signal}: closing what is open\n`)
    scope.close().finally(() => process.exit(status))
  }
  process.on('SIGINT', () => stop('SIGINT', 130))
  process.on('SIGTERM', () => stop('SIGTERM', 143))
}
