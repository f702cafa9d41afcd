/** The rule of the login guard by itself: blocks, delays, captchas, and the failures that count. Over 200 lines: one rule a test. */

import t from 'tap'
import {
  type AttemptFacts,
  decide,
  type GuardPolicy,
  type GuardState,
  isAnswerable,
  NO_DELAY,
  NO_FAILURES
} from '../../../server/guard/rule.ts'
import { seededRandom } from '../../lib/redis-fuzz.ts'
import { DEFAULT_GUARD_POLICY } from './lib/guard-place.ts'

const policy = DEFAULT_GUARD_POLICY
const MINUTE_MS = 60_000
const START_MS = 1_700_000_000_000

const UNTOUCHED: GuardState = { address: NO_FAILURES, pair: NO_DELAY, account: NO_FAILURES }
const PENDING: AttemptFacts = { knownDevice: false, captchaUnsolved: false, outcome: 'pending' }
const WRONG: AttemptFacts = { ...PENDING, outcome: 'wrong' }
const RIGHT: AttemptFacts = { ...PENDING, outcome: 'right' }

/** A failure that counts only for the address: every attempt is on an account of its own. */
function failOnAddress(state: GuardState, atMs: number, with_: GuardPolicy = policy) {
  return decide(with_, { ...UNTOUCHED, address: state.address }, WRONG, atMs)
}

/** A failure that counts only for the account: every attempt comes from an address of its own. */
function failOnAccount(state: GuardState, atMs: number, attempt = WRONG) {
  return decide(policy, { ...UNTOUCHED, account: state.account }, attempt, atMs)
}

function blockedAddress(): GuardState {
  let state = UNTOUCHED
  for (let count = 0; count < 5; count++) state = failOnAddress(state, START_MS).state
  return state
}

function blockedAccount(): GuardState {
  let state = UNTOUCHED
  for (let count = 0; count < 10; count++) state = failOnAccount(state, START_MS).state
  return { ...UNTOUCHED, account: state.account }
}

t.test('decide() answers the fifth failure of an address and blocks it from then on for 30 minutes', async t => {
  let state = UNTOUCHED
  for (const atMs of [0, 1, 2, 3, 4]) {
    const decided = failOnAddress(state, START_MS + atMs)
    t.ok(isAnswerable(decided.decision), `failure ${atMs + 1} is answered`)
    state = decided.state
  }
  const { decision } = failOnAddress(state, START_MS + 4)
  t.match(decision, { retryAfterMs: 30 * MINUTE_MS, obstacle: 'address' })
})

t.test(
  'decide() counts in a sliding window: the fifth failure blocks until the first has left, to the millisecond',
  async t => {
    const firstFour = [0, 9 * MINUTE_MS, 9 * MINUTE_MS + 1, 9 * MINUTE_MS + 2]
    const state = firstFour.reduce((before, atMs) => failOnAddress(before, START_MS + atMs).state, UNTOUCHED)
    const fifthAt = (atMs: number) => failOnAddress(state, START_MS + atMs).state.address.untilMs

    t.ok(fifthAt(10 * MINUTE_MS - 1) > 0, 'in the last millisecond of the window it is the fifth')
    t.equal(fifthAt(10 * MINUTE_MS), 0, 'a millisecond later it is the fourth')
  }
)

t.test('decide() names the first millisecond at which a refused attempt is admitted', async t => {
  const delayed = { ...UNTOUCHED, pair: { failures: 3, lastMs: START_MS } }
  const states = [blockedAddress(), delayed, blockedAccount()]
  for (const [at, state] of states.entries()) {
    const { retryAfterMs, obstacle } = decide(policy, state, PENDING, START_MS).decision
    t.equal(obstacle, ['address', 'pair', 'account'][at])
    t.equal(decide(policy, state, PENDING, START_MS + retryAfterMs).decision.retryAfterMs, 0, 'passes after the wait')
    t.equal(decide(policy, state, PENDING, START_MS + retryAfterMs - 1).decision.retryAfterMs, 1, 'and not sooner')
  }
})

t.test('decide() names the longest of several waits', async t => {
  const state = { ...blockedAddress(), pair: { failures: 3, lastMs: START_MS }, account: blockedAccount().account }
  const address = { ...state.address, untilMs: START_MS + 5 }
  t.match(decide(policy, { ...state, address }, PENDING, START_MS).decision, { obstacle: 'account' })
  t.match(decide(policy, { ...state, address, account: NO_FAILURES }, PENDING, START_MS).decision, { obstacle: 'pair' })
})

t.test(
  'decide() delays a pair from its second failure in a row: 1 s, 2 s, 4 s …, never longer than the window',
  async t => {
    const waits: number[] = []
    let state = UNTOUCHED
    let nowMs = START_MS
    for (let count = 0; count < 13; count++) {
      state = { ...UNTOUCHED, pair: decide(policy, state, WRONG, nowMs).state.pair }
      const { retryAfterMs } = decide(policy, state, PENDING, nowMs).decision
      waits.push(retryAfterMs / 1000)
      // The longest delay ends in the millisecond in which all failures are forgotten.
      nowMs += Math.min(retryAfterMs, 599_999)
      if (retryAfterMs === 600_000) break
    }
    t.strictSame(waits, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600])
  }
)

t.test('decide() forgets the failures of a pair after a window without one', async t => {
  const state = { ...UNTOUCHED, pair: { failures: 9, lastMs: START_MS } }
  t.equal(decide(policy, state, WRONG, START_MS + 10 * MINUTE_MS - 1).state.pair.failures, 10)
  t.equal(decide(policy, state, WRONG, START_MS + 10 * MINUTE_MS).state.pair.failures, 1)
})

t.test('decide() clears nothing but the delay of the pair after a success', async t => {
  const before: GuardState = {
    address: { failuresMs: [START_MS], untilMs: 0 },
    pair: { failures: 2, lastMs: START_MS },
    account: { failuresMs: [START_MS, START_MS], untilMs: 0 }
  }
  const { state } = decide(policy, before, RIGHT, START_MS + 1000)
  t.strictSame(state, { ...before, pair: NO_DELAY })
})

t.test('decide() answers and counts neither a right nor a wrong password while an obstacle holds', async t => {
  const delayed = { ...UNTOUCHED, pair: { failures: 2, lastMs: START_MS } }
  for (const state of [blockedAddress(), delayed, blockedAccount()]) {
    const right = decide(policy, state, RIGHT, START_MS)
    const wrong = decide(policy, state, WRONG, START_MS)
    t.strictSame(right.decision, wrong.decision, 'no difference shows')
    t.notOk(isAnswerable(right.decision))
    t.equal(right.state, state)
    t.equal(wrong.state, state)
  }
})

t.test(
  'decide() blocks an account for unknown devices with its tenth failure, and reports the attack once',
  async t => {
    const attacked: boolean[] = []
    let state = UNTOUCHED
    for (let count = 0; count < 12; count++) {
      const decided = failOnAccount(state, START_MS + count * 1000)
      attacked.push(decided.decision.accountAttacked)
      state = decided.state
    }
    t.strictSame(attacked, [...Array(9).fill(false), true, false, false])
    t.match(failOnAccount(state, START_MS + 20_000).decision, { obstacle: 'account' })
  }
)

t.test(
  'decide() admits a known device while its account is blocked, and its failures do not prolong the block',
  async t => {
    const before = blockedAccount()
    const known = { ...WRONG, knownDevice: true }
    const { decision, state } = decide(policy, before, known, START_MS + 1)
    t.ok(isAnswerable(decision))
    t.notOk(decision.accountAttacked)
    t.equal(state.account, before.account)
    t.strictSame(state.address.failuresMs, [START_MS + 1], 'they count for the address')
    t.equal(state.pair.failures, 1, 'and for the pair')
  }
)

t.test('decide() reports another attack when the account is blocked again', async t => {
  let state = blockedAccount()
  const laterMs = START_MS + 30 * MINUTE_MS
  const attacked = Array.from({ length: 10 }, () => {
    const decided = failOnAccount(state, laterMs)
    state = decided.state
    return decided.decision.accountAttacked
  })
  t.strictSame(attacked, [...Array(9).fill(false), true])
})

t.test(
  'decide() requires a captcha after three failures of the address or of the account, within their windows',
  async t => {
    const open = { ...PENDING, captchaUnsolved: true }
    const three = { failuresMs: [START_MS, START_MS, START_MS], untilMs: 0 }
    const due = (state: GuardState, attempt: AttemptFacts, atMs: number) =>
      decide(policy, state, attempt, START_MS + atMs).decision.captchaDue
    const onAddress = { ...UNTOUCHED, address: three }
    const onAccount = { ...UNTOUCHED, account: three }
    t.ok(due(onAddress, open, 10 * MINUTE_MS - 1))
    t.notOk(due(onAddress, open, 10 * MINUTE_MS))
    t.ok(due(onAccount, open, 15 * MINUTE_MS - 1))
    t.notOk(due(onAccount, open, 15 * MINUTE_MS))
    t.notOk(due(onAddress, PENDING, 0), 'not of an attempt that has solved one')
    t.notOk(due({ ...UNTOUCHED, address: { ...three, failuresMs: [START_MS, START_MS] } }, open, 0), 'not after two')
  }
)

t.test('decide() answers no outcome without a captcha that became due since the attempt was admitted', async t => {
  const state = { ...UNTOUCHED, address: { failuresMs: [START_MS, START_MS, START_MS], untilMs: 0 } }
  for (const outcome of ['right', 'wrong'] as const) {
    const decided = decide(policy, state, { ...WRONG, captchaUnsolved: true, outcome }, START_MS)
    t.notOk(isAnswerable(decided.decision))
    t.equal(decided.state, state)
  }
})

t.test(
  'decide() answers no more wrong passwords in any window than the limit, whatever the times and the policy',
  async t => {
    for (let seed = 0; seed < 500; seed++) {
      const random = seededRandom(seed)
      const upTo = (max: number) => 1 + Math.floor(random() * max)
      // A block may be far shorter than the window.
      const address = { maxFailures: upTo(4), windowMs: upTo(50), blockMs: upTo(60) }
      const answeredMs: number[] = []
      let state = UNTOUCHED
      for (let atMs = 0; atMs < 300; atMs += Math.floor(random() * 4)) {
        const decided = failOnAddress(state, atMs, { ...policy, address })
        if (isAnswerable(decided.decision)) answeredMs.push(atMs)
        state = decided.state
      }
      const most = Math.max(...answeredMs.map(endMs => inWindow(answeredMs, endMs, address.windowMs)))
      if (most > address.maxFailures) t.fail(`seed ${seed}: ${most} answered where ${address.maxFailures} may be`)
      if (state.address.failuresMs.length > address.maxFailures) t.fail(`seed ${seed}: remembers more than it needs`)
    }
    t.pass('500 policies hold')
  }
)

function inWindow(timesMs: readonly number[], endMs: number, windowMs: number): number {
  return timesMs.filter(timeMs => timeMs <= endMs && timeMs + windowMs > endMs).length
}
