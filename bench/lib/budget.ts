/** Checks budgets against the results of a run. The budgets themselves are in `../budgets.ts`. */

import type { RunResult, ScenarioResult } from './results.ts'
import { type Summary, summarize } from './statistics.ts'

/** A metric of one variant and the bar that it must meet. */
export interface Budget {
  readonly scenario: string
  /** The promised number in words, as the table shows it. */
  readonly what: string
  readonly metric: string
  readonly variant: string
  /** The variants that the number is compared with. Absent: the bar applies to the number itself. */
  readonly against?: {
    readonly how: 'ratio' | 'difference'
    /** Of several, the one with the best median counts. */
    readonly variants: readonly string[]
    /** The metric of the other variant, if it has another name there. */
    readonly metric?: string
  }
  readonly bar: 'at most' | 'at least' | 'under'
  readonly value: number
  readonly unit: string
  /** The budget applies only if this median is under a limit: a bar for machines that are fast enough. */
  readonly where?: { readonly variant: string; readonly metric: string; readonly under: number }
  /** Whether quick runs and `bench:check` check it, too. */
  readonly quick: boolean
}

/** The members of a budget on a ratio to other variants of the same run. */
export const ratio = (to: string | readonly string[], metric?: string): Pick<Budget, 'against' | 'unit'> => ({
  against: { how: 'ratio', variants: typeof to === 'string' ? [to] : to, ...(metric !== undefined && { metric }) },
  unit: '×'
})

/** The outcome of one budget in one run. */
export interface BudgetResult {
  readonly budget: Budget
  /** `skipped`: its condition does not hold on this machine. */
  readonly state: 'met' | 'missed' | 'skipped'
  /** Why it was skipped, or missed without a number. */
  readonly reason?: string
  readonly found?: Summary
}

/** Checks the budgets of all scenarios in `run`; a quick run checks only its own budgets. */
export function checkBudgets(budgets: readonly Budget[], run: Pick<RunResult, 'scenarios' | 'quick'>): BudgetResult[] {
  return budgets.flatMap(budget => {
    const scenario = run.scenarios.find(({ name }) => name === budget.scenario)
    return scenario === undefined || (run.quick && !budget.quick) ? [] : [checkBudget(budget, scenario)]
  })
}

function checkBudget(budget: Budget, scenario: ScenarioResult): BudgetResult {
  const { where } = budget
  if (where !== undefined) {
    const value = medianOf(scenario, where.variant, where.metric)
    const condition = `${where.metric} of ${where.variant} under ${where.under}`
    if (!(value < where.under)) return { budget, state: 'skipped', reason: `applies only with ${condition}` }
  }
  const found = summarize(valuesOf(budget, scenario))
  // A scenario that failed before it measured anything must not pass.
  if (!Number.isFinite(found.median)) return { budget, state: 'missed', reason: 'nothing was measured' }
  return { budget, state: meetsBar(budget, found.median) ? 'met' : 'missed', found }
}

function meetsBar({ bar, value }: Budget, found: number): boolean {
  if (bar === 'at least') return found >= value
  return bar === 'at most' ? found <= value : found < value
}

/**
 * One value per round. A comparison with another variant is made within the round: both ran within seconds of each
 * other, so a slow phase of the machine affects both.
 */
function valuesOf(budget: Budget, scenario: ScenarioResult): number[] {
  const { against } = budget
  const own = roundsOf(scenario, budget.variant, budget.metric)
  if (against === undefined) return own

  const metric = against.metric ?? budget.metric
  const better = scenario.metrics[metric]?.better === 'higher' ? -1 : 1
  const [best = ''] = against.variants
    .filter(variant => Number.isFinite(medianOf(scenario, variant, metric)))
    .sort((a, b) => better * (medianOf(scenario, a, metric) - medianOf(scenario, b, metric)))
  const other = roundsOf(scenario, best, metric)
  return own
    .slice(0, other.length)
    .map((value, i) => (against.how === 'ratio' ? value / (other[i] ?? Number.NaN) : value - (other[i] ?? Number.NaN)))
}

function medianOf(scenario: ScenarioResult, variant: string, metric: string): number {
  return summarize(roundsOf(scenario, variant, metric)).median
}

function roundsOf(scenario: ScenarioResult, variant: string, metric: string): number[] {
  const rounds = scenario.variants.find(({ name }) => name === variant)?.rounds ?? []
  return rounds.map(({ metrics }) => metrics[metric] ?? Number.NaN)
}
