/** Deadlines for calls of a process that may be held up itself: by the system, or by its own work at a start. */

/**
 * A signal that aborts after `deadlineMs`; by as much as this process was held up itself it waits longer, once.
 *
 * `AbortSignal.timeout()` looks at the clock alone: after a pause of this process timers come first, and an answer that has
 * been there all the time would count as none.
 */
export function deadlineSignal(deadlineMs: number): AbortSignal {
  const controller = new AbortController()
  const abort = () => controller.abort(new DOMException('The deadline has passed', 'TimeoutError'))
  const dueMs = performance.now() + deadlineMs
  setTimeout(() => setTimeout(abort, Math.max(0, performance.now() - dueMs)).unref(), deadlineMs).unref()
  return controller.signal
}
