/** `npm run bench`: measures scenarios, prints and saves the results, and fails if a budget is missed. */

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
/** A signal has asked the run to stop. Failures after it are not results. */
let stopRequested = false

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
  if (args.help) {
    console.log(USAGE)
    return 0
  }
  if (args.list) {
    for (const { name, title } of SCENARIOS) console.log(`${name.padEnd(20)} ${title}`)
    return 0
  }
  const checked = (scenario: Scenario) => BUDGETS.some(({ scenario: name, quick }) => quick && name === scenario.name)
  const scenarios = chooseScenarios(SCENARIOS, args).filter(scenario => !args.check || checked(scenario))
  // Read before anything is measured, so that a misspelt path fails at once.
  const before = args.compare === undefined ? undefined : await readResult(args.compare)

  const scope = await openScope(args)
  closeOnSignal(scope)
  const run = await measure(scenarios, args, scope)
  await scope.close()

  const budgets = checkBudgets(BUDGETS, run)
  if (before !== undefined) showChanges(before, run)
  await save(run, budgets)
  return summarize(run, budgets)
}

async function measure(scenarios: readonly Scenario[], args: Arguments, scope: OpenScope): Promise<RunResult> {
  const { quick, soak } = args
  const machine = describeMachine()
  const startedAt = new Date()
  console.log(`${machine.cpu}, ${machine.cores} cores, load ${machine.load1.toFixed(2)}, Node ${machine.node}`)
  if (machine.load1 > machine.cores / 2)
    console.log(paint('yellow', 'The machine is busy with other work: expect noisy results.'))

  const progress = createProgress(scenarios, quick ? 'quick' : 'full', process.stderr)
  const results: ScenarioResult[] = []
  for (const scenario of scenarios) {
    const result = await runScenario(scenario, scope, progress.show)
    // The signal handler ends the process once everything is closed.
    if (stopRequested) await new Promise<never>(() => {})
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
  console.log(changeTable('budgets', compareBars(checkBudgets(BUDGETS, before), checkBudgets(BUDGETS, after)), paint))
}

async function save(run: RunResult, budgets: readonly BudgetResult[]): Promise<void> {
  const json = join(HERE, 'results', `${run.startedAt.replaceAll(':', '').slice(0, 17)}.json`)
  const html = join(HERE, 'report.html')
  await writeResult(json, run)
  await writeReport(html, run, budgets)
  console.log(`\n${relative('.', json)}\n${relative('.', html)}`)
}

function summarize(run: RunResult, budgets: readonly BudgetResult[]): number {
  const missed = budgets.filter(({ state }) => state === 'missed').length
  const met = budgets.filter(({ state }) => state === 'met').length
  const failed = run.scenarios.filter(
    ({ failure, variants }) => failure !== undefined || variants.some(({ errors }) => errors > 0)
  )
  console.log(`${clock(run.seconds)} min, ${met} budgets met, ${missed} missed, ${failed.length} scenarios with errors`)
  return missed > 0 || failed.length > 0 ? 1 : 0
}

/** Ctrl-C closes the scope and exits; a second Ctrl-C exits without waiting. */
function closeOnSignal(scope: OpenScope): void {
  const stop = (signal: 'SIGINT' | 'SIGTERM', status: number) => {
    if (stopRequested) process.exit(status)
    stopRequested = true
    process.stderr.write(`\n${signal}: stopping processes and servers …\n`)
    scope.close().finally(() => process.exit(status))
  }
  process.on('SIGINT', () => stop('SIGINT', 130))
  process.on('SIGTERM', () => stop('SIGTERM', 143))
}
