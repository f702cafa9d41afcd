/** Runs a scenario: every variant once per round, in alternating order, each in a scope of its own. */

import { type ScenarioResult, summarizeVariant } from './results.ts'
import type { Measured, Scenario, Variant } from './scenario.ts'
import type { OpenScope } from './scope.ts'

/** Called before each measurement. */
export type OnStep = (step: {
  readonly scenario: string
  readonly variant: string
  readonly round: number
  readonly of: number
  /** The share of the scenario that is done, 0 to 1. */
  readonly done: number
}) => void

const ROUNDS = { full: 5, quick: 2 }

/** Measures a scenario. A round that throws ends it as failed; the rounds before are kept. */
export async function runScenario(scenario: Scenario, parent: OpenScope, onStep: OnStep): Promise<ScenarioResult> {
  const startedMs = performance.now()
  const measured = new Map<string, Measured[]>()
  const scope = await parent.child()
  let failure: string | undefined
  try {
    await runRounds(scenario, scope, measured, onStep).finally(scope.close)
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
  }
  const { name, title, about, metrics } = scenario
  return {
    name,
    title,
    about,
    metrics,
    variants: [...measured].map(([variant, rounds]) => summarizeVariant(variant, rounds)),
    ...(failure !== undefined && { failure }),
    seconds: (performance.now() - startedMs) / 1000
  }
}

async function runRounds(scenario: Scenario, scope: OpenScope, measured: Map<string, Measured[]>, onStep: OnStep) {
  const variants = await scenario.open(scope)
  for (const { name } of variants) measured.set(name, [])
  const { full, quick } = scenario.rounds ?? ROUNDS
  const of = scope.pick(full, quick)
  let done = 0
  for (let round = 1; round <= of; round++) {
    for (const variant of orderOf(variants, round)) {
      const total = of * variants.length
      onStep({ scenario: scenario.name, variant: variant.name, round, of, done: done++ / total })
      const inner = await scope.child()
      try {
        measured.get(variant.name)?.push(await variant.round(inner))
      } catch (cause) {
        throw new Error(`"${variant.name}", round ${round}: ${cause instanceof Error ? cause.message : cause}`, {
          cause
        })
      } finally {
        await inner.close()
      }
    }
  }
}

/**
 * Forwards in odd rounds, backwards in even ones. Anything that drifts during a scenario (temperature, other processes,
 * page cache) then affects all variants alike.
 */
function orderOf(variants: readonly Variant[], round: number): readonly Variant[] {
  return round % 2 === 1 ? variants : [...variants].reverse()
}
