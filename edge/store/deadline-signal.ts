/** Deadlines for calls of a process or isolate that may be held up itself: by its system, or by its own work. */

/**
 * A signal that aborts after `deadlineMs`; by as much as this process was held up itself it waits longer, once.
 *
 * `AbortSignal.timeout()` looks at the clock alone: after a pause of this process timers come first, and an answer that has
 * been there all the time would count as none. An instance with too much to do would then take Redis for gone, and refuse.
 */
export function deadlineSignal(deadlineMs: number): AbortSignal {
  const controller = new AbortController()
  const abort = () => controller.abort(new DOMException('The deadline has passed', 'TimeoutError'))
  const dueMs = performance.now() + deadlineMs
  later(() => later(abort, Math.max(0, performance.now() - dueMs)), deadlineMs)
  return controller.signal
}

/** A process may end before; on Workers, where a timer is a number, nothing waits for one. */
function later(act: () => void, delayMs: number): void {
  const timer: unknown = setTimeout(act, delayMs)
  if (hasUnref(timer)) timer.unref()
}

function hasUnref(timer: unknown): timer is { unref(): void } {
  return typeof timer === 'object' && timer !== null && 'unref' in timer
}
