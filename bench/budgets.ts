/**
 * The budgets of the benchmarks: one bar for each promised number. `edge-budgets.ts` holds those of the edge, the quota
 * and the whole system; `lib/budget.ts` checks them. A bar is only changed by decision, never to make a run pass.
 */

import { EDGE_BUDGETS } from './edge-budgets.ts'
import { type Budget, ratio } from './lib/budget.ts'

/**
 * Verification is judged by CPU time. One thread verifies one token after the other, so CPU time and wall time agree on
 * a quiet machine. On a busy machine wall time also includes other processes, which would break a bar of 8 %.
 */
const VERIFY: readonly Budget[] = [
  {
    scenario: 'verify-workerd',
    what: 'Gatehouse ÷ bare WebCrypto',
    metric: 'cpu',
    variant: 'Gatehouse',
    ...ratio('bare WebCrypto'),
    bar: 'at most',
    value: 1.08,
    quick: true
  },
  {
    scenario: 'verify-node',
    what: 'Gatehouse ÷ the faster bare node:crypto',
    metric: 'cpu',
    variant: 'Gatehouse',
    ...ratio(['bare, DER', 'bare, P1363']),
    bar: 'at most',
    value: 1.1,
    quick: true
  },
  {
    scenario: 'verify-remembered',
    what: 'Gatehouse ÷ fast-jwt with its cache, on Node',
    metric: 'cpu',
    variant: 'Gatehouse, on Node',
    ...ratio('fast-jwt, cached, on Node'),
    bar: 'at most',
    value: 1 / 3,
    quick: true
  },
  {
    scenario: 'verify-remembered',
    what: 'Gatehouse in workerd',
    metric: 'cpu',
    variant: 'Gatehouse, in workerd',
    bar: 'under',
    value: 0.6,
    unit: 'µs',
    quick: true
  }
]

const LOGIN: readonly Budget[] = [
  {
    scenario: 'login',
    what: 'login − one bcrypt',
    metric: 'time',
    variant: 'Gatehouse',
    against: { how: 'difference', variants: ['bcrypt alone'] },
    bar: 'at most',
    value: 8,
    unit: 'ms',
    quick: true
  },
  {
    scenario: 'login',
    what: 'login at cost 12',
    metric: 'time',
    variant: 'Gatehouse',
    bar: 'under',
    value: 200,
    unit: 'ms',
    where: { variant: 'bcrypt alone', metric: 'time', under: 185 },
    quick: true
  },
  {
    scenario: 'login-storm',
    what: 'logins ÷ (cores ÷ bcrypt)',
    metric: 'logins',
    variant: 'Gatehouse',
    ...ratio('bcrypt alone'),
    bar: 'at least',
    value: 0.95,
    quick: false
  },
  {
    scenario: 'login-storm',
    what: 'verify-token during the storm, p99',
    metric: 'verify p99',
    variant: 'Gatehouse',
    bar: 'under',
    value: 10,
    unit: 'ms',
    quick: false
  },
  {
    scenario: 'login-storm',
    what: 'event-loop delay during the storm, p99',
    metric: 'loop p99',
    variant: 'Gatehouse',
    bar: 'under',
    value: 20,
    unit: 'ms',
    quick: false
  },
  {
    scenario: 'login-storm',
    what: 'time to a refusal under overload, p99',
    metric: 'refused p99',
    variant: 'Gatehouse',
    bar: 'under',
    value: 500,
    unit: 'ms',
    quick: false
  },
  {
    scenario: 'refresh',
    what: 'refresh ÷ bare UPDATE … RETURNING',
    metric: 'time',
    variant: 'Gatehouse',
    ...ratio('bare UPDATE'),
    bar: 'at most',
    value: 3,
    quick: false
  }
]

/** Each at 100 and at 1,000 connections. */
const VERIFY_TOKEN = [100, 1000].flatMap((connections): Budget[] => {
  const shared = { scenario: 'verify-token', variant: 'Gatehouse', quick: connections === 100 }
  const at = `${connections.toLocaleString('en-GB')} connections`
  return [
    {
      ...shared,
      what: `returning tokens ÷ Express, ${at}`,
      metric: `returning ${connections}`,
      ...ratio('Express 5'),
      bar: 'at least',
      value: 3
    },
    {
      ...shared,
      what: `returning tokens, CPU ÷ bare, ${at}`,
      metric: `cpu returning ${connections}`,
      ...ratio('bare node:http'),
      bar: 'at most',
      value: 1.5
    },
    {
      ...shared,
      what: `new tokens ÷ Express, ${at}`,
      metric: `first ${connections}`,
      ...ratio('Express 5'),
      bar: 'at least',
      value: 1.15
    },
    {
      ...shared,
      what: `new tokens, CPU ÷ bare, ${at}`,
      metric: `cpu first ${connections}`,
      ...ratio('bare node:http'),
      bar: 'at most',
      value: 1.15
    }
  ]
})

const START = [
  { variant: 'origin', value: 1 },
  { variant: 'local system', value: 5 }
].map(
  ({ variant, value }): Budget => ({
    scenario: 'start',
    what: `${variant}, time to the first 200`,
    metric: 'time',
    variant,
    bar: 'under',
    value,
    unit: 's',
    quick: false
  })
)

/** Every budget, in the order in which it is reported. */
export const BUDGETS: readonly Budget[] = [...VERIFY, ...VERIFY_TOKEN, ...LOGIN, ...START, ...EDGE_BUDGETS]
