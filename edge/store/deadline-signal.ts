/** The deadline of a Redis call as a signal, for a client that accepts signals only. */

import { afterDeadline, type StartTimer } from '../contract/after-deadline.ts'

/** A signal that aborts after `deadlineMs`, and later by the time that this process itself was held up; see `afterDeadline`. */
export function deadlineSignal(deadlineMs: number): AbortSignal {
  const controller = new AbortController()
  const abort = () => controller.abort(new DOMException('The deadline has passed', 'TimeoutError'))
  // The client offers no place to cancel the deadline of an answered call.
  afterDeadline(deadlineMs, abort, startUnheldTimer)
  return controller.signal
}

/** Starts a timer that lets the process end before it. On Workers a timer is a number and keeps nothing alive. */
const startUnheldTimer: StartTimer = (act, delayMs) => {
  const timer = setTimeout(act, delayMs)
  if (hasUnref(timer)) timer.unref()
  return timer
}

function hasUnref(timer: unknown): timer is { unref(): void } {
  return typeof timer === 'object' && timer !== null && 'unref' in timer
}
