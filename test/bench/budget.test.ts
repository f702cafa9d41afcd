/** When a budget is met, missed or skipped. */

import t from 'tap'
import { BUDGETS } from '../../bench/budgets.ts'
import { type Budget, checkBudgets } from '../../bench/lib/budget.ts'
import { SCENARIOS } from '../../bench/scenarios/index.ts'
import { runOf, scenarioOf } from './results.ts'

const BUDGET: Budget = {
  scenario: 'verify',
  what: 'ours',
  metric: 'time',
  variant: 'ours',
  bar: 'at most',
  value: 10,
  unit: 'µs',
  quick: true
}

function stateOf(changes: Partial<Budget>, rounds: Readonly<Record<string, readonly number[]>>, quick = false) {
  return checkBudgets([{ ...BUDGET, ...changes }], runOf(scenarioOf(rounds), quick))[0]?.state
}

t.test('"at most" and "at least" include the bar, "under" does not', async t => {
  t.equal(stateOf({}, { ours: [10] }), 'met')
  t.equal(stateOf({}, { ours: [10.1] }), 'missed')
  t.equal(stateOf({ bar: 'under' }, { ours: [10] }), 'missed')
  t.equal(stateOf({ bar: 'at least' }, { ours: [10] }), 'met')
  t.equal(stateOf({ bar: 'at least' }, { ours: [9.9] }), 'missed')
})

t.test('a ratio is taken within each round, so that a slow minute affects both sides', async t => {
  const against = { how: 'ratio', variants: ['bare'] } as const
  const rounds = { ours: [11, 22, 44], bare: [10, 20, 40] }
  const [result] = checkBudgets([{ ...BUDGET, against, value: 1.1 }], runOf(scenarioOf(rounds)))
  t.equal(result?.state, 'met')
  t.equal(result?.found?.spread, 0)
})

t.test('of several variants to compare with, the best counts', async t => {
  const against = { how: 'ratio', variants: ['slow', 'fast'] } as const
  const rounds = { ours: [12, 12, 12], slow: [20, 20, 20], fast: [10, 10, 10] }
  t.equal(stateOf({ against, value: 1.1 }, rounds), 'missed')
  t.equal(stateOf({ against, value: 1.1 }, { ours: rounds.ours, slow: rounds.slow }), 'met', 'of the variants that ran')
})

t.test('a difference is taken from the other variant', async t => {
  const against = { how: 'difference', variants: ['bcrypt'] } as const
  t.equal(stateOf({ against, value: 8 }, { ours: [108], bcrypt: [100] }), 'met')
  t.equal(stateOf({ against, value: 7 }, { ours: [108], bcrypt: [100] }), 'missed')
})

t.test('a budget without a measurement is missed', async t => {
  t.equal(stateOf({}, {}), 'missed')
  t.equal(stateOf({ metric: 'other' }, { ours: [1] }), 'missed')
  t.equal(stateOf({ against: { how: 'ratio', variants: ['gone'] } }, { ours: [1] }), 'missed')
})

t.test('a budget is skipped if its condition does not hold', async t => {
  const where = { variant: 'bcrypt', metric: 'time', under: 185 }
  t.equal(stateOf({ where }, { ours: [100], bcrypt: [184] }), 'missed')
  t.equal(stateOf({ where }, { ours: [100], bcrypt: [186] }), 'skipped')
})

t.test('a quick run checks only quick budgets, and every run only those of its scenarios', async t => {
  t.equal(stateOf({ quick: false }, { ours: [1] }, true), undefined)
  t.equal(stateOf({ quick: true }, { ours: [1] }, true), 'met')
  t.equal(stateOf({ scenario: 'other' }, { ours: [1] }), undefined)
})

t.test('every budget names an existing scenario and existing metrics', async t => {
  for (const { scenario: name, metric, against, where, quick, what } of BUDGETS) {
    const scenario = SCENARIOS.find(scenario => scenario.name === name)
    if (!t.ok(scenario, `${name} is a scenario`)) continue
    for (const one of [metric, against?.metric, where?.metric]) {
      if (one !== undefined) t.ok(scenario?.metrics[one], `${name}: ${what}`)
    }
    t.notOk(quick && scenario?.fullOnly, `${name} is part of quick runs, which check "${what}"`)
  }
})
