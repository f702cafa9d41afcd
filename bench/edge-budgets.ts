/** The budgets of the edge, the quota and the whole system; `budgets.ts` holds the others and joins them. */

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

/** Gatehouse alone is held to these. A full run measures the peer as well, for comparison. */
const QUOTA = (
  [
    {
      what: 'Redis calls per admitted request, honest client',
      metric: 'calls honest',
      bar: 'at most',
      value: 0.1,
      unit: ''
    },
    {
      what: 'Redis calls per admitted request, greedy client',
      metric: 'calls greedy',
      bar: 'at most',
      value: 0.1,
      unit: ''
    },
    { what: 'most requests in any window ÷ the quota', metric: 'worst window', bar: 'at most', value: 1, unit: '×' },
    { what: 'admitted of an honest client at the limit', metric: 'honest', bar: 'at least', value: 0.98, unit: '×' },
    { what: 'first answer without Redis', metric: 'gone, first', bar: 'at most', value: 250, unit: 'ms' },
    { what: 'the next thousand without Redis, p99', metric: 'gone, later p99', bar: 'under', value: 1, unit: 'ms' }
  ] as const
).map((budget): Budget => ({ ...budget, scenario: 'quota', variant: 'Gatehouse', quick: true }))

const REVOCATION = (
  [
    { what: 'reach of a logout, p99', metric: 'reach p99', value: 1_000, unit: 'ms' },
    { what: 'warm requests that waited for Redis', metric: 'waited for Redis', value: 0, unit: '' }
  ] as const
).map(
  (budget): Budget => ({ ...budget, scenario: 'revocation-reach', variant: 'Gatehouse', bar: 'at most', quick: false })
)

const SYSTEM = (
  [
    { scenario: 'users', what: 'users/me, p99', metric: 'p99', bar: 'under', value: 100, unit: 'ms' },
    {
      scenario: 'memory',
      what: 'memory growth of the edge',
      metric: 'edge grew',
      bar: 'under',
      value: 64,
      unit: 'MiB'
    },
    {
      scenario: 'memory',
      what: 'memory growth of the origin',
      metric: 'origin grew',
      bar: 'under',
      value: 64,
      unit: 'MiB'
    },
    {
      scenario: 'memory',
      what: 'Redis keys without a time to live',
      metric: 'lasting keys',
      bar: 'at most',
      value: 0,
      unit: ''
    }
  ] as const
).map((budget): Budget => ({ ...budget, variant: 'edge and origin', quick: false }))

/** The budgets of the scenarios with an edge, of the quota and of the whole system. */
export const EDGE_BUDGETS: readonly Budget[] = [...EDGE, ...QUOTA, ...REVOCATION, ...SYSTEM]
