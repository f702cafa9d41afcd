/** Every budget names something that is measured: a misspelt name would never be checked. */

import t from 'tap'
import { BUDGETS } from '../../bench/budgets.ts'
import { SCENARIOS } from '../../bench/scenarios/index.ts'

t.test('every budget names an existing scenario and an existing metric', async t => {
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

t.test('a budget of quick runs belongs to a scenario of quick runs', async t => {
  const fullOnly = SCENARIOS.filter(scenario => scenario.fullOnly).map(({ name }) => name)
  t.strictSame(
    BUDGETS.filter(({ quick, scenario }) => quick && fullOnly.includes(scenario)).map(({ what }) => what),
    []
  )
})

t.test('the names of scenarios are unique', async t => {
  t.equal(new Set(SCENARIOS.map(({ name }) => name)).size, SCENARIOS.length)
})
