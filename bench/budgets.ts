/** The bars that every run is held against. A bar is changed on purpose or not at all: the code is made faster first. */

import { EDGE_BUDGETS } from './edge-budgets.ts'
import { type Budget, ratio } from './lib/budget.ts'

/**
 * Verifying is held by CPU time. With one token after the other in one thread it is the same as time on the clock, but
 * for what a neighbour on the machine takes, and a bar of eight per cent should not fall because of a neighbour.
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
    what: 'verify-token meanwhile, p99',
    metric: 'verify p99',
    variant: 'Gatehouse',
    bar: 'under',
    value: 10,
    unit: 'ms',
    quick: false
  },
  {
    scenario: 'login-storm',
    what: 'event-loop delay meanwhile, p99',
    metric: 'loop p99',
    variant: 'Gatehouse',
    bar: 'under',
    value: 20,
    unit: 'ms',
    quick: false
  },
  {
    scenario: 'login-storm',
    what: 'a refusal comes at once, p99',
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

/** Both at 100 and at 1,000 connections. */
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
      what: `tokens seen first ÷ Express, ${at}`,
      metric: `first ${connections}`,
      ...ratio('Express 5'),
      bar: 'at least',
      value: 1.15
    },
    {
      ...shared,
      what: `tokens seen first, CPU ÷ bare, ${at}`,
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
    what: `${variant}, until the first 200`,
    metric: 'time',
    variant,
    bar: 'under',
    value,
    unit: 's',
    quick: false
  })
)

export const BUDGETS: readonly Budget[] = [...VERIFY, ...VERIFY_TOKEN, ...LOGIN, ...START, ...EDGE_BUDGETS]
