import t from 'tap'
import { createCircuitBreaker } from '../../../edge/store/circuit-breaker.ts'

const T0 = 1_800_000_000_000
const RESET_MS = 250

/** A breaker that was opened by a failure at `T0`. */
function openedBreaker() {
  const breaker = createCircuitBreaker(RESET_MS)
  breaker.failed(T0)
  return breaker
}

t.test('a closed breaker allows every call', async t => {
  const breaker = createCircuitBreaker(RESET_MS)
  t.notOk(breaker.isOpen())
  for (const nowMs of [T0, T0, T0 + 1, T0 - 1]) t.ok(breaker.allowsCall(nowMs))
})

t.test('after a failure it allows no call for resetMs, then exactly one', async t => {
  const breaker = openedBreaker()
  t.ok(breaker.isOpen())
  for (const afterMs of [0, 1, RESET_MS - 1]) t.notOk(breaker.allowsCall(T0 + afterMs), `${afterMs} ms after`)
  t.ok(breaker.allowsCall(T0 + RESET_MS), 'the probe')
  t.notOk(breaker.allowsCall(T0 + RESET_MS), 'the others do not wait with it')
  t.ok(breaker.isOpen(), 'until the probe has succeeded')
})

t.test('a probe that succeeds closes it', async t => {
  const breaker = openedBreaker()
  breaker.allowsCall(T0 + RESET_MS)
  breaker.succeeded()
  t.notOk(breaker.isOpen())
  for (let i = 0; i < 3; i++) t.ok(breaker.allowsCall(T0 + RESET_MS))
})

t.test('the pause counts from the failure, also where the call took longer than the pause', async t => {
  const breaker = createCircuitBreaker(50)
  const beganAtMs = T0
  t.ok(breaker.allowsCall(beganAtMs))
  const failedAtMs = beganAtMs + 250
  breaker.failed(failedAtMs)
  t.notOk(breaker.allowsCall(failedAtMs))
  t.notOk(breaker.allowsCall(failedAtMs + 49))
  t.ok(breaker.allowsCall(failedAtMs + 50))
  breaker.failed(failedAtMs + 300)
  t.notOk(breaker.allowsCall(failedAtMs + 349), 'and so it does after a probe')
  t.ok(breaker.allowsCall(failedAtMs + 350))
})

t.test('a probe that died without an outcome is followed by another after resetMs', async t => {
  const breaker = openedBreaker()
  t.ok(breaker.allowsCall(T0 + RESET_MS))
  t.notOk(breaker.allowsCall(T0 + 2 * RESET_MS - 1))
  t.ok(breaker.allowsCall(T0 + 2 * RESET_MS))
})

t.test('a clock that was set back keeps it open for resetMs at most', async t => {
  const breaker = openedBreaker()
  t.notOk(breaker.allowsCall(T0 - RESET_MS + 1), 'within the distance of one pause')
  t.ok(breaker.allowsCall(T0 - 3_600_000), 'an hour back')
  t.notOk(breaker.allowsCall(T0 - 3_600_000 + RESET_MS - 1))
  t.ok(breaker.allowsCall(T0 - 3_600_000 + RESET_MS))
})

t.test('a failure of a call that began before another one succeeded opens it again', async t => {
  const breaker = openedBreaker()
  breaker.succeeded()
  breaker.failed(T0 + 1)
  t.ok(breaker.isOpen())
  t.notOk(breaker.allowsCall(T0 + RESET_MS))
  t.ok(breaker.allowsCall(T0 + 1 + RESET_MS))
})
