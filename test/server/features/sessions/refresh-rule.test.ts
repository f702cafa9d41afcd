/** The refresh rule, at each of its boundaries. */

import t from 'tap'
import {
  judgeAccessToken,
  judgeRefresh,
  MAX_ANSWER_DELAY_MS,
  type RefreshState
} from '../../../../server/features/sessions/refresh-rule.ts'

const NOW_MS = 1_000_000
const GRACE = 60
const at = (ms: number) => new Date(ms)

const state: RefreshState = {
  refreshCounter: 5,
  rotatedAt: at(NOW_MS - 60_000),
  refreshConfirmed: true,
  lateHandouts: [],
  endedAt: null,
  idleExpiresAt: at(NOW_MS + 1000),
  expiresAt: at(NOW_MS + 2000)
}
const judge = (change: Partial<RefreshState>, counter: number, graceSeconds = GRACE) =>
  judgeRefresh({ ...state, ...change }, counter, NOW_MS, graceSeconds)
const young = { rotatedAt: at(NOW_MS - 59_999) }
const unconfirmed = { refreshConfirmed: false }

t.test('judgeRefresh() keeps a young token and rotates an older one, or the first of a login', async t => {
  t.equal(judge(young, 5), 'kept')
  t.equal(judge({ ...young, ...unconfirmed }, 5), 'kept')
  t.equal(judge({}, 5), 'rotated')
  t.equal(judge({ refreshCounter: 0, rotatedAt: null }, 0), 'rotated')
  t.equal(judge({ rotatedAt: at(NOW_MS) }, 5, 0), 'rotated', 'no grace at all')
  t.equal(judge({ rotatedAt: at(NOW_MS + 3000) }, 5), 'kept', 'rotated by an origin whose clock is ahead')
})

t.test(
  'the predecessor is valid while its successor is young or unconfirmed, and not a millisecond longer',
  async t => {
    t.equal(judge(young, 4), 'succeeded')
    t.equal(judge(unconfirmed, 4), 'succeeded')
    t.equal(judge({ ...unconfirmed, rotatedAt: at(0) }, 4), 'succeeded', 'however late')
    t.equal(judge({}, 4), 'reused')
  }
)

t.test('an older token is reused, and a token from the future is not', async t => {
  for (const counter of [3, 2, 0]) t.equal(judge({ ...young, ...unconfirmed }, counter), 'reused', `counter ${counter}`)
  for (const counter of [6, 4_294_967_295]) t.equal(judge({}, counter), 'dead', `counter ${counter}`)
})

t.test('no token counts as stolen once the session is over', async t => {
  for (const counter of [0, 4, 5]) {
    t.equal(judge({ endedAt: at(NOW_MS - 1) }, counter), 'dead', 'ended')
    t.equal(judge({ idleExpiresAt: at(NOW_MS) }, counter), 'dead', 'idle for too long')
    t.equal(judge({ expiresAt: at(NOW_MS + 1000) }, counter), 'dead', 'in its last second')
  }
  t.equal(
    judge({ idleExpiresAt: at(NOW_MS + 1), expiresAt: at(NOW_MS + 1001) }, 5),
    'rotated',
    'not a millisecond sooner'
  )
})

t.test(
  'judgeAccessToken() confirms by tokens of the current counter, except by those that were asked for again',
  async t => {
    const handed: RefreshState = { ...state, lateHandouts: [[5, NOW_MS]] }
    t.equal(judgeAccessToken(state, 5, 0), 'confirms')
    t.equal(judgeAccessToken(handed, 5, NOW_MS), 'confirms')
    t.equal(judgeAccessToken(handed, 5, NOW_MS - MAX_ANSWER_DELAY_MS), 'confirms', 'it may still have been on its way')
    t.equal(judgeAccessToken(handed, 5, NOW_MS - MAX_ANSWER_DELAY_MS - 1), 'stolen')
    for (const counter of [4, 6]) t.equal(judgeAccessToken(handed, counter, 0), 'nothing', `counter ${counter}`)
    t.equal(
      judgeAccessToken({ ...handed, refreshCounter: 7 }, 5, 0 - MAX_ANSWER_DELAY_MS),
      'stolen',
      'whatever has rotated since'
    )
    t.equal(judgeAccessToken({ ...handed, endedAt: at(NOW_MS) }, 5, 0), 'nothing', 'of a session that has ended')
  }
)
