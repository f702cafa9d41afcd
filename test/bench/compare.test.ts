/** Telling changes from noise. */

import t from 'tap'
import { type Budget, checkBudgets, ratio } from '../../bench/lib/budget.ts'
import { classifyChange, compareBars, compareRuns, differencesOfSetting } from '../../bench/lib/compare.ts'
import { runOf, scenarioOf } from './results.ts'

const summary = (median: number, spread: number) => ({ median, spread, rounds: 5 })

t.test('classifyChange() calls a difference noise if both spreads together explain it', async t => {
  t.equal(classifyChange(summary(100, 5), summary(110, 5), 'lower').kind, 'noise')
  t.equal(classifyChange(summary(100, 1), summary(110, 1), 'lower').kind, 'worse')
  t.equal(classifyChange(summary(100, 1), summary(110, 9), 'lower').kind, 'noise', 'either spread is enough')
})

t.test('classifyChange() knows which direction is an improvement', async t => {
  t.equal(classifyChange(summary(100, 1), summary(80, 1), 'lower').kind, 'better')
  t.equal(classifyChange(summary(100, 1), summary(80, 1), 'higher').kind, 'worse')
  t.equal(classifyChange(summary(100, 1), summary(80, 1), 'higher').relative, -0.2)
})

t.test('classifyChange() never calls less than two per cent a change', async t => {
  t.equal(classifyChange(summary(100, 0), summary(101.9, 0), 'lower').kind, 'noise')
  t.equal(classifyChange(summary(100, 0), summary(102.1, 0), 'lower').kind, 'worse')
  t.equal(classifyChange(summary(0, 0), summary(0, 0), 'lower').kind, 'noise', 'zero before and after')
  t.equal(classifyChange(summary(0, 0), summary(5, 0), 'lower').kind, 'worse')
})

t.test('classifyChange() does not judge a number that was measured once', async t => {
  t.equal(classifyChange(summary(100, 0), { median: 200, spread: 0, rounds: 1 }, 'lower').kind, 'single')
  t.equal(classifyChange({ median: 100, spread: 0, rounds: 1 }, summary(200, 0), 'lower').kind, 'single')
})

t.test('compareRuns() compares only numbers that both runs have', async t => {
  const before = runOf(scenarioOf({ ours: [10, 10, 10], gone: [1, 1, 1] }))
  const after = runOf(scenarioOf({ ours: [20, 20, 20], added: [1, 1, 1] }))
  const changes = compareRuns(before, after)
  t.strictSame(
    changes.map(({ variant, kind, relative }) => [variant, kind, relative]),
    [['ours', 'worse', 1]]
  )
})

t.test('compareBars() ignores a slower machine and reports what only Gatehouse has lost', async t => {
  const bar: Budget = {
    scenario: 'verify',
    what: 'ours ÷ theirs',
    metric: 'time',
    variant: 'ours',
    ...ratio('theirs'),
    bar: 'at most',
    value: 1.1,
    quick: true
  }
  const results = (variants: Record<string, number[]>) => checkBudgets([bar], runOf(scenarioOf(variants)))
  const then = results({ ours: [11, 10, 12], theirs: [10, 10, 10] })
  const compare = (variants: Record<string, number[]>) => compareBars(then, results(variants)).map(({ kind }) => kind)
  t.strictSame(compare({ ours: [19, 17, 18], theirs: [17, 17, 17] }), ['noise'])
  t.strictSame(compare({ ours: [19, 17, 18], theirs: [10, 10, 10] }), ['worse'])
  t.strictSame(compare({ ours: [19, 17, 18] }), [], 'nothing to compare with')
})

t.test('differencesOfSetting() lists the options and versions that differ', async t => {
  const before = runOf(scenarioOf({ ours: [1] }))
  const after = { ...before, quick: true, machine: { ...before.machine, versions: { jose: '6.1.0' } } }
  t.strictSame(differencesOfSetting(before, before), [])
  t.strictSame(differencesOfSetting(before, after), [
    'quick: "false" before, "true" now',
    'jose: "6.0.0" before, "6.1.0" now'
  ])
})
