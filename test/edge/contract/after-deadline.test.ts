/** The deadline that a stall of the process does not use up, with timers and a clock of the test. */

import t, { type Test } from 'tap'
import { afterDeadline } from '../../../edge/contract/after-deadline.ts'

const DEADLINE_MS = 250

/** A deadline on a clock and timers that the test moves. */
function build(t: Test) {
  const clock = { nowMs: 1_000 }
  const cleared: unknown[] = []
  replace(t, performance, 'now', () => clock.nowMs)
  replace(t, globalThis, 'clearTimeout', timer => cleared.push(timer))
  const timers: { readonly act: () => void; readonly delayMs: number }[] = []
  let expired = 0
  const cancel = afterDeadline(
    DEADLINE_MS,
    () => {
      expired += 1
    },
    (act, delayMs) => timers.push({ act, delayMs }) as unknown as ReturnType<typeof setTimeout>
  )
  /** Runs the newest timer, late by `stallMs`. */
  const run = (stallMs: number) => {
    const timer = timers.at(-1)
    clock.nowMs += (timer?.delayMs ?? 0) + stallMs
    timer?.act()
  }
  return { cancel, run, timers, expired: () => expired, cleared }
}

/** Replaces a method until the test is over. */
function replace<Owner extends object, Name extends keyof Owner>(
  t: Test,
  owner: Owner,
  name: Name,
  method: Owner[Name]
): void {
  const original = owner[name]
  owner[name] = method
  t.teardown(() => {
    owner[name] = original
  })
}

t.test('afterDeadline() expires after the deadline where the process was not held up', async t => {
  const { run, timers, expired } = build(t)
  run(0)
  t.equal(expired(), 0, 'what has arrived is read first')
  run(0)
  t.equal(expired(), 1)
  t.strictSame(
    timers.map(({ delayMs }) => delayMs),
    [DEADLINE_MS, 0]
  )
})

t.test('afterDeadline() waits longer by the time of one stall, and not by that of a second', async t => {
  const { run, timers, expired } = build(t)
  run(4_000)
  t.equal(expired(), 0)
  t.equal(timers.at(-1)?.delayMs, 4_000)
  run(9_000)
  t.equal(expired(), 1)
  t.equal(timers.length, 2)
})

t.test('afterDeadline() is cancelled before the deadline and after a stall alike', async t => {
  const early = build(t)
  early.cancel()
  t.strictSame(early.cleared, [1], 'the first timer')
  const late = build(t)
  late.run(4_000)
  late.cancel()
  t.strictSame(late.cleared, [2], 'the second timer')
})
