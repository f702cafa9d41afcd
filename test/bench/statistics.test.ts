/** Medians, spreads and quantiles. */

import t from 'tap'
import { distribute, median, mergeRounds, quantile, quantileOf, summarize } from '../../bench/lib/statistics.ts'

t.test('median() is the middle, and of an even number the mean of the two middle ones', async t => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.equal(median([7]), 7)
  t.ok(Number.isNaN(median([])), 'an empty list has no median')
})

t.test('median() does not change its argument', async t => {
  const values = [3, 1, 2]
  median(values)
  t.strictSame(values, [3, 1, 2])
})

t.test('summarize() hardly changes with one disturbed round', async t => {
  const quiet = summarize([100, 101, 99, 100, 102])
  const disturbed = summarize([100, 101, 99, 100, 900])
  t.equal(disturbed.median, quiet.median)
  t.equal(disturbed.spread, quiet.spread)
  t.equal(quiet.spread, 1.4826)
  t.ok(summarize([100, 120, 80, 110, 90]).spread > 14, 'and grows with the noise')
})

t.test('quantile() is always a measured value', async t => {
  const sorted = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
  t.equal(quantile(sorted, 0), 1)
  t.equal(quantile(sorted, 0.5), 5)
  t.equal(quantile(sorted, 0.99), 10)
  t.equal(quantile(sorted, 1), 10)
  t.ok(Number.isNaN(quantile([], 0.5)))
})

t.test('distribute() sorts numerically, and quantileOf() accepts only the kept quantiles', async t => {
  const distribution = distribute([10, 9, 100])
  t.equal(quantileOf(distribution, 0.5), 10)
  t.equal(distribution.count, 3)
  t.throws(() => quantileOf(distribution, 0.42), RangeError)
})

t.test('mergeRounds() takes the median of the rounds at each quantile and counts all samples', async t => {
  const merged = mergeRounds([distribute([1, 2, 3]), distribute([11, 12, 13]), distribute([2, 3, 4])])
  t.equal(quantileOf(merged, 0.5), 3)
  t.equal(merged.count, 9)
})
