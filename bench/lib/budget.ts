/** Judges budgets over results; which budgets there are is in `../budgets.ts`. */

import type { RunResult, ScenarioResult } from './results.ts'
import { type Summary, summarize } from './statistics.ts'

/** A bar, as data. */
export interface Budget {
  readonly scenario: string
  /** Begins with what is promised, so that it reads as a sentence in the table. */
  readonly what: string
  readonly metric: string
  readonly variant: string
  /** What it is held against; nothing means that the number itself is. */
  readonly against?: {
    readonly how: 'ratio' | 'difference'
    /** Several: the best of them, by the median. */
    readonly variants: readonly string[]
    /** Where it goes by another name there. */
    readonly metric?: string
  }
  readonly bar: 'at most' | 'at least' | 'under'
  readonly value: number
  readonly unit: string
  /** Held only where this median is under a limit: a bar for a machine that is fast enough for it. */
  readonly where?: { readonly variant: string; readonly metric: string; readonly under: number }
  /** Also held in `--quick` and by `bench:check`. */
  readonly quick: boolean
}

/** What makes a budget one on a ratio within one run. */
export const ratio = (to: string | readonly string[], metric?: string): Pick<Budget, 'against' | 'unit'> => ({
  against: { how: 'ratio', variants: typeof to === 'string' ? [to] : to, ...(metric !== undefined && { metric }) },
  unit: '×'
})

export interface BudgetResult {
  readonly budget: Budget
  /** `skipped`: its scenario or variant was not run, or its condition does not hold. */
  readonly state: 'held' | 'blown' | 'skipped'
  /** Why it was skipped, or blown without a number. */
  readonly reason?: string
  readonly found?: Summary
}

/** Judges all budgets of the scenarios that were run. */
export function checkBudgets(budgets: readonly Budget[], run: Pick<RunResult, 'scenarios' | 'quick'>): BudgetResult[] {
  return budgets.flatMap(budget => {
    const scenario = run.scenarios.find(({ name }) => name === budget.scenario)
    return scenario === undefined || (run.quick && !budget.quick) ? [] : [judge(budget, scenario)]
  })
}

function judge(budget: Budget, scenario: ScenarioResult): BudgetResult {
  const { where } = budget
  if (where !== undefined) {
    const value = medianOf(scenario, where.variant, where.metric)
    const condition = `${where.metric} of ${where.variant} under ${where.under}`
    if (!(value < where.under)) return { budget, state: 'skipped', reason: `only held where ${condition}` }
  }
  const found = summarize(valuesOf(budget, scenario))
  // Nothing measured is not a budget kept: a scenario that broke must not look green.
  if (!Number.isFinite(found.median)) return { budget, state: 'blown', reason: 'nothing was measured' }
  return { budget, state: holds(budget, found.median) ? 'held' : 'blown', found }
}

function holds({ bar, value }: Budget, found: number): boolean {
  if (bar === 'at least') return found >= value
  return bar === 'at most' ? found <= value : found < value
}

/**
 * One value a round. What is held against another variant is compared within the round: both then ran within seconds
 * of each other, so that a machine that was slow for a while was slow for both.
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
