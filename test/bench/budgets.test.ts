/** Every bar names something that is measured: a misspelt one would never be held. */

import t from 'tap'
import { BUDGETS } from '../../bench/budgets.ts'
import { SCENARIOS } from '../../bench/scenarios/index.ts'

t.test('every budget names a scenario and a metric that there is', async t => {
  for (const { scenario: name, metric, against, where } of BUDGETS) {
    const scenario = SCENARIOS.find(one => one.name === name)
    if (scenario === undefined) {
      t.fail(`there is no scenario "${name}"`)
      continue
    }
    for (const used of [metric, against?.metric, where?.metric].filter(one => one !== undefined))
      if (scenario.metrics[used] === undefined) t.fail(`"${name}" has no metric "${used}"`)
  }
})

t.test('a budget that a quick run holds is of a scenario that a quick run has', async t => {
  const fullOnly = SCENARIOS.filter(scenario => scenario.fullOnly).map(({ name }) => name)
  t.strictSame(
    BUDGETS.filter(({ quick, scenario }) => quick && fullOnly.includes(scenario)).map(({ what }) => what),
    []
  )
})

t.test('scenarios have names of their own', async t => {
  t.equal(new Set(SCENARIOS.map(({ name }) => name)).size, SCENARIOS.length)
})
