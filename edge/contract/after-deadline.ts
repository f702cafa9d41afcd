/** A deadline that a stall of this process does not use up; what expires with it is left to the caller. */

/** Starts a timer, as `setTimeout` does. */
export type StartTimer = (act: () => void, delayMs: number) => ReturnType<typeof setTimeout>

/**
 * Calls `expire` after `deadlineMs`, and later by the time that this process itself was held up, once.
 *
 * A plain timeout looks at the clock alone. After a stall timers run first, so an answer that has arrived meanwhile is
 * still unread and would count as missing. A busy process would then refuse requests, or do finished work again.
 *
 * @param startTimer replaces `setTimeout`, for a timer that does not keep the process alive
 * @returns a function that cancels the deadline
 */
export function afterDeadline(
  deadlineMs: number,
  expire: () => void,
  startTimer: StartTimer = (act, delayMs) => setTimeout(act, delayMs)
): () => void {
  const dueMs = performance.now() + deadlineMs
  let timer = startTimer(() => {
    timer = startTimer(expire, Math.max(0, performance.now() - dueMs))
  }, deadlineMs)
  return () => clearTimeout(timer)
}
