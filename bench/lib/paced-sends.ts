/** The open loop: requests fall due at a fixed rate, and waiting for a free connection counts as latency. */

import type autocannon from 'autocannon'

/** Decides when requests are sent. */
export interface Pacer {
  /** From now on the pacer decides when `client` sends. */
  attach(client: Pick<autocannon.Client, '_doRequest'>): PacedClient
  /** From now on requests fall due. Call it once all connections are made: earlier requests would form a burst. */
  start(): void
  /** Sends the requests that are due; called every millisecond. */
  tick(): void
  stop(): void
}

/** A client under a pacer. */
export interface PacedClient {
  /** The start of the latency of the request being sent, by `performance.now()`. */
  dueMs(): number
}

interface Idle {
  send(dueMs: number): void
}

/**
 * A timer may fire this late. That is the generator's own delay and not part of a latency. A request that is sent even
 * later, because generator or connections were busy, counts from when it was due.
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

  function sendDue(): void {
    for (let first = idle[0]; first !== undefined && due.length > 0; first = idle[0]) {
      idle.shift()
      first.send(due.shift() ?? 0)
    }
  }
  function tick(): void {
    const now = nowMs()
    nextDueMs ??= now
    for (; nextDueMs <= now; nextDueMs += intervalMs) due.push(now - nextDueMs > TIMER_LATENESS_MS ? nextDueMs : now)
    sendDue()
  }
  return {
    tick,
    attach(client) {
      // The method of the prototype; this client's own is replaced below.
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
        sendDue()
      }
      return { dueMs: () => sentDueMs }
    },
    start() {
      timer ??= setInterval(tick, 1)
    },
    stop: () => clearInterval(timer)
  }
}
