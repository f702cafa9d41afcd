/** The bars on edges, on quotas, and on all of it together; `budgets.ts` has the others. */

import { type Budget, ratio } from './lib/budget.ts'

const EDGE: readonly Budget[] = [
  ...[
    { metric: 'p50', value: 0.5 },
    { metric: 'p99', value: 10 }
  ].map(
    ({ metric, value }): Budget => ({
      scenario: 'edge-latency',
      what: `added by the edge, ${metric}`,
      metric,
      variant: 'Gatehouse edge',
      against: { how: 'difference', variants: ['direct'] },
      bar: 'under',
      value,
      unit: 'ms',
      quick: true
    })
  ),
  {
    scenario: 'edge-throughput',
    what: 'Gatehouse ÷ a bare proxying Worker',
    metric: 'throughput',
    variant: 'Gatehouse',
    ...ratio('bare proxy'),
    bar: 'at least',
    value: 0.9,
    quick: true
  },
  {
    scenario: 'edge-throughput',
    what: 'Gatehouse ÷ jose + @upstash/ratelimit',
    metric: 'throughput',
    variant: 'Gatehouse',
    ...ratio('jose + @upstash/ratelimit'),
    bar: 'at least',
    value: 2.75,
    quick: true
  }
]

/** What is promised of ours alone; the peer is shown beside it, and left out of quick runs. */
const QUOTA = (
  [
    ['calls of Redis for an admitted request, honest', 'calls honest', 'at most', 0.1, ''],
    ['calls of Redis for an admitted request, greedy', 'calls greedy', 'at most', 0.1, ''],
    ['the most in any window ÷ the quota', 'worst window', 'at most', 1, '×'],
    ['an honest client at the limit gets', 'honest', 'at least', 0.98, '×'],
    ['Redis gone, the first answer', 'gone, first', 'at most', 250, 'ms'],
    ['Redis gone, the thousand after it, p99', 'gone, later p99', 'under', 1, 'ms']
  ] as const
).map(
  ([what, metric, bar, value, unit]): Budget => ({
    scenario: 'quota',
    what,
    metric,
    variant: 'Gatehouse',
    bar,
    value,
    unit,
    quick: true
  })
)

const SYSTEM = (
  [
    ['revocation-reach', 'Gatehouse', 'reach of a logout, p99', 'reach p99', 'at most', 1_000, 'ms'],
    ['revocation-reach', 'Gatehouse', 'warm requests that asked Redis', 'waited for Redis', 'at most', 0, ''],
    ['users', 'edge and origin', 'users/me, p99', 'p99', 'under', 100, 'ms'],
    ['memory', 'edge and origin', 'the edge grew by', 'edge grew', 'under', 64, 'MiB'],
    ['memory', 'edge and origin', 'the origin grew by', 'origin grew', 'under', 64, 'MiB'],
    ['memory', 'edge and origin', 'keys in Redis without a time to live', 'lasting keys', 'at most', 0, '']
  ] as const
).map(
  ([scenario, variant, what, metric, bar, value, unit]): Budget => ({
    scenario,
    what,
    metric,
    variant,
    bar,
    value,
    unit,
    quick: false
  })
)

export const EDGE_BUDGETS: readonly Budget[] = [...EDGE, ...QUOTA, ...SYSTEM]
