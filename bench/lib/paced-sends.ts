/** The open loop: requests fall due at a fixed rate, and whoever waits for a free connection has begun to wait. */

import type autocannon from 'autocannon'

export interface Pacer {
  /** Takes over when `client` sends. */
  attach(client: Pick<autocannon.Client, '_doRequest'>): PacedClient
  /** From now on requests fall due. Called when all connections stand: what fell due before would be a burst. */
  start(): void
  /** Looks at the clock and sends what is due; called every millisecond. */
  tick(): void
  stop(): void
}

export interface PacedClient {
  /** From when the latency of the request that is being sent counts, by `performance.now()`. */
  dueMs(): number
}

interface Idle {
  send(dueMs: number): void
}

/**
 * Timers fire up to this late, which is the generator's own lateness and nobody's wait. What is sent later than that,
 * because the generator or the connections were busy, counts from when it was due.
 */
const TIMER_LATENESS_MS = 2

/** Creates a pacer; its clock begins with its first tick. */
// Over 40 lines: short closures over one queue of idle connections and one of due times.
export function createPacer(perSecond: number, nowMs: () => number = () => performance.now()): Pacer {
  const intervalMs = 1000 / perSecond
  const idle: Idle[] = []
  const due: number[] = []
  let nextDueMs: number | undefined
  let timer: NodeJS.Timeout | undefined

  function sendWhatIsDue(): void {
    for (let first = idle[0]; first !== undefined && due.length > 0; first = idle[0]) {
      idle.shift()
      first.send(due.shift() ?? 0)
    }
  }
  function tick(): void {
    const now = nowMs()
    nextDueMs ??= now
    for (; nextDueMs <= now; nextDueMs += intervalMs) due.push(now - nextDueMs > TIMER_LATENESS_MS ? nextDueMs : now)
    sendWhatIsDue()
  }
  return {
    tick,
    attach(client) {
      // As long as the prototype has it: the method of this one client is replaced below.
      const send = client._doRequest.bind(client)
      let sentDueMs = 0
      const waiting: Idle = {
        send: dueMs => {
          sentDueMs = dueMs
          send()
        }
      }
      client._doRequest = () => {
        idle.push(waiting)
        sendWhatIsDue()
      }
      return { dueMs: () => sentDueMs }
    },
    start() {
      timer ??= setInterval(tick, 1)
    },
    stop: () => clearInterval(timer)
  }
}
