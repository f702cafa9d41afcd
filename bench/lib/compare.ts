/** Compares a run with an earlier one and tells changes from noise. */

import type { BudgetResult } from './budget.ts'
import type { RunResult } from './results.ts'
import type { Metric } from './scenario.ts'
import type { Summary } from './statistics.ts'

/** One number of two runs. */
export interface Change {
  readonly scenario: string
  readonly variant: string
  readonly metric: string
  readonly unit: string
  readonly before: Summary
  readonly after: Summary
  /** The difference as a share of the earlier number: −0.1 is ten per cent less. */
  readonly relative: number
  /** `single`: one round has no spread, so noise cannot be told from change. */
  readonly kind: 'noise' | 'better' | 'worse' | 'single'
}

/** A smaller share is never called a change: two builds of the same source differ by as much. */
const LEAST_CHANGE = 0.02

/** How many spreads apart two medians must be. */
const SPREADS = 2

/** Compares every metric that both runs have. */
export function compareRuns(before: RunResult, after: RunResult): Change[] {
  return after.scenarios.flatMap(scenario => {
    const earlier = before.scenarios.find(({ name }) => name === scenario.name)
    return scenario.variants.flatMap(variant => {
      const old = earlier?.variants.find(({ name }) => name === variant.name)
      return Object.entries(variant.metrics).flatMap(([name, now]) => {
        const [then, metric] = [old?.metrics[name], scenario.metrics[name]]
        if (then === undefined || metric === undefined) return []
        const where = { scenario: scenario.name, variant: variant.name, metric: name, unit: metric.unit }
        return [{ ...where, before: then, after: now, ...classifyChange(then, now, metric.better) }]
      })
    })
  })
}

/**
 * Compares the numbers behind the budgets. Most are ratios within one run, so a slower machine changes them little,
 * whereas it changes every number of `compareRuns`.
 */
export function compareBars(before: readonly BudgetResult[], after: readonly BudgetResult[]): Change[] {
  return after.flatMap(({ budget, found: now }) => {
    const then = before.find(result => result.budget === budget)?.found
    if (then === undefined || now === undefined) return []
    const { scenario, what: variant, metric, unit, bar } = budget
    const better = bar === 'at least' ? 'higher' : 'lower'
    return [{ scenario, variant, metric, unit, before: then, after: now, ...classifyChange(then, now, better) }]
  })
}

/**
 * Decides whether a difference is a change: the medians differ by more than twice the spread of their difference, and
 * by at least two per cent.
 *
 * The spreads are those of single rounds, not of medians. Whole runs differ by more than the rounds within one, because
 * they get different memory and run beside different processes.
 */
export function classifyChange(
  before: Summary,
  after: Summary,
  better: Metric['better']
): Pick<Change, 'relative' | 'kind'> {
  const difference = after.median - before.median
  const relative = before.median === 0 ? (difference === 0 ? 0 : Number.POSITIVE_INFINITY) : difference / before.median
  if (Math.min(before.rounds, after.rounds) < 2) return { relative, kind: 'single' }
  const noise = SPREADS * Math.hypot(before.spread, after.spread)
  if (Math.abs(difference) <= noise || Math.abs(relative) < LEAST_CHANGE) return { relative, kind: 'noise' }
  return { relative, kind: difference < 0 === (better === 'lower') ? 'better' : 'worse' }
}

/** The differences between the machines and options of two runs, which make their numbers hard to compare. */
export function differencesOfSetting(before: RunResult, after: RunResult): string[] {
  const settings = ({ machine, quick, soak }: RunResult) => ({
    cpu: machine.cpu,
    cores: machine.cores,
    kernel: machine.kernel,
    node: machine.node,
    quick,
    soak,
    ...machine.versions
  })
  const [old, now]: Record<string, unknown>[] = [settings(before), settings(after)]
  return Object.keys({ ...old, ...now })
    .filter(name => old?.[name] !== now?.[name])
    .map(name => `${name}: "${old?.[name]}" before, "${now?.[name]}" now`)
}
