/** The rule about refresh tokens that are not the valid one, at each of its edges. */

import t from 'tap'
import { judgeRefresh, type RefreshState } from '../../../../server/features/sessions/refresh-rule.ts'

const NOW_MS = 1_000_000
const GRACE = 10
const at = (ms: number) => new Date(ms)

const state: RefreshState = {
  refreshCounter: 5,
  rotatedAt: at(NOW_MS - 1000),
  endedAt: null,
  idleExpiresAt: at(NOW_MS + 1000),
  expiresAt: at(NOW_MS + 2000)
}
const judge = (change: Partial<RefreshState>, counter: number, graceSeconds = GRACE) =>
  judgeRefresh({ ...state, ...change }, counter, NOW_MS, graceSeconds)

t.test('judgeRefresh() tells the four cases apart by the counter', async t => {
  t.equal(judge({}, 5), 'current')
  t.equal(judge({}, 4), 'grace')
  for (const counter of [3, 2, 0]) t.equal(judge({}, counter), 'reused', `counter ${counter}`)
  for (const counter of [6, 4_294_967_295]) t.equal(judge({}, counter), 'dead', `counter ${counter}`)
})

t.test('the grace lasts to its last millisecond and not one longer', async t => {
  t.equal(judge({ rotatedAt: at(NOW_MS - 10_000) }, 4), 'grace')
  t.equal(judge({ rotatedAt: at(NOW_MS - 10_001) }, 4), 'reused')
  t.equal(judge({ rotatedAt: at(NOW_MS - 1) }, 4, 0), 'reused', 'no grace at all')
  t.equal(judge({ rotatedAt: at(NOW_MS + 3000) }, 4), 'grace', 'rotated by an origin whose clock is ahead')
})

t.test('a session that is over makes no token a theft', async t => {
  for (const counter of [0, 4, 5]) {
    t.equal(judge({ endedAt: at(NOW_MS - 1) }, counter), 'dead', 'ended')
    t.equal(judge({ idleExpiresAt: at(NOW_MS) }, counter), 'dead', 'idle for too long')
    t.equal(judge({ expiresAt: at(NOW_MS) }, counter), 'dead', 'at its end')
  }
  t.equal(judge({ idleExpiresAt: at(NOW_MS + 1) }, 5), 'current', 'and not a millisecond sooner')
})

t.test('a token is never in its grace where the session was never rotated', async t => {
  t.equal(judge({ refreshCounter: 1, rotatedAt: null }, 0), 'reused')
})
